import type { Request } from "express";
import type { Sessions } from "sojourn";
import { auth } from "sojourn/patterns/auth";
import { type CartItem, cart } from "sojourn/patterns/cart";
import "sojourn/express/augment";
import { cartLines, countItems, type CartLine } from "./catalogue.ts";
import type { Credentials, ShopUser, Users } from "./users.ts";
import type { Visitor } from "./views/layout.ts";

/** What the routes work with. */
export type Shop = ReturnType<typeof openShop>;

export function openShop(sessions: Sessions, users: Users) {
  const carts = cart(sessions);

  const linesOf = async (req: Request): Promise<CartLine[]> => cartLines(await carts.get(req.session));
  /** The signed-in user, or null. */
  const userOf = (req: Request): ShopUser | null =>
    req.session.userId === null ? null : users.find(req.session.userId);

  /** Before the login, because it ends the session of this browser, which may be the one with the cart. */
  async function verify(credentials: Credentials) {
    const user = await users.verify(credentials);
    return user && { ...user, cartElsewhere: await latestCart(user.id) };
  }

  /** What is in the cart on the device that the user was last seen on. */
  async function latestCart(userId: string): Promise<CartItem[]> {
    const [latest] = await sessions.list(userId);
    return latest === undefined ? [] : carts.get(latest);
  }

  return {
    sessions,
    users,
    carts,
    auth: auth(sessions, { verify }),
    linesOf,
    userOf,
    async visitorOf(req: Request): Promise<Visitor> {
      return { name: userOf(req)?.name ?? null, itemCount: countItems(await linesOf(req)) };
    },
  };
}
