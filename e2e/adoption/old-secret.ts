/** What the old application signed its cookies with, before anybody asked how long it is. */
export const OLD_SECRET = "seven dwarfs";
