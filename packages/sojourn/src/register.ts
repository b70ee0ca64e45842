/** Augment this to give `req.session` the types of your sessions: `interface Register { sessions: typeof sessions }`. */
export interface Register {}
