/** A shopping cart in the session. Every change is atomic: two tabs adding at once lose nothing. */

import { SessionEndedError } from "../errors.ts";
import type { Sessions } from "../lifecycle/sessions.ts";
import { isSessionId } from "../data/session-id.ts";

export interface CartItem {
  readonly productId: string;
  readonly quantity: number;
}

/** `req.session` of any adapter, or a session object. */
export interface CartHolder {
  readonly data: Readonly<{ cart?: unknown }>;
  update(change: (draft: { cart?: unknown }) => unknown): Promise<Readonly<{ cart?: unknown }>>;
}

/** A session's id, or what holds its data. */
export type CartTarget = string | CartHolder;

export interface Cart {
  /** Adds to the quantity of a product. `quantity` is a whole number of at least 1. */
  add(target: CartTarget, productId: string, quantity?: number): Promise<CartItem[]>;
  /** Sets the quantity; 0 removes the product. */
  setQuantity(target: CartTarget, productId: string, quantity: number): Promise<CartItem[]>;
  remove(target: CartTarget, productId: string): Promise<CartItem[]>;
  /** The items; none for a session that is over. */
  get(target: CartTarget): Promise<CartItem[]>;
  /** Adds all items of another cart: after a login, the one the visitor filled before. */
  merge(target: CartTarget, items: readonly CartItem[]): Promise<CartItem[]>;
}

/**
 * Kept in the data field `cart`.
 * Changes answer the cart as stored. @throws TypeError for a wrong quantity or product id, SessionEndedError, DataTooLargeError
 */
export function cart(sessions: Sessions): Cart {
  async function change(target: CartTarget, edit: (items: CartItem[]) => CartItem[]): Promise<CartItem[]> {
    const apply = (draft: { cart?: unknown }): void => {
      const items = edit(itemsOf(draft.cart));
      // Removing from a cart that was never begun must not begin a session.
      if (items.length > 0 || draft.cart !== undefined) draft.cart = items;
    };
    if (typeof target !== "string") return itemsOf((await target.update(apply)).cart);
    const data = await sessions.data(target).update(apply);
    // What is no id may be a token passed by mistake: messages reach logs.
    if (data === null) throw new SessionEndedError(isSessionId(target) ? target : "(not a session id)");
    return itemsOf(data["cart"]);
  }

  async function get(target: CartTarget): Promise<CartItem[]> {
    return itemsOf(typeof target === "string" ? await sessions.data(target).get("cart") : target.data.cart);
  }

  return {
    add: async (target, productId, quantity = 1) => {
      const item = checkedItem({ productId, quantity }, 1);
      return change(target, (items) => added(items, item));
    },
    setQuantity: async (target, productId, quantity) => {
      const item = checkedItem({ productId, quantity }, 0);
      return change(target, (items) => withQuantity(items, item));
    },
    remove: (target, productId) => change(target, (items) => items.filter((item) => item.productId !== productId)),
    get,
    merge: async (target, others) => {
      const checked = others.map((item) => checkedItem(item, 1));
      if (checked.length === 0) return get(target);
      return change(target, (items) => checked.reduce(added, items));
    },
  };
}

function added(items: CartItem[], { productId, quantity }: CartItem): CartItem[] {
  const before = items.find((item) => item.productId === productId)?.quantity ?? 0;
  return withQuantity(items, checkedItem({ productId, quantity: before + quantity }, 1));
}

function withQuantity(items: CartItem[], changed: CartItem): CartItem[] {
  if (changed.quantity === 0) return items.filter((item) => item.productId !== changed.productId);
  if (!items.some((item) => item.productId === changed.productId)) return [...items, changed];
  return items.map((item) => (item.productId === changed.productId ? changed : item));
}

function itemsOf(stored: unknown): CartItem[] {
  return Array.isArray(stored) ? (stored as CartItem[]).map((item) => ({ ...item })) : [];
}

function checkedItem({ productId, quantity }: CartItem, least: number): CartItem {
  if (typeof productId !== "string" || productId === "")
    throw new TypeError("cart: productId must be a non-empty string.");
  if (!Number.isSafeInteger(quantity) || quantity < least) {
    throw new TypeError(`cart: quantity must be a whole number of at least ${least}, not ${String(quantity)}.`);
  }
  return { productId, quantity };
}
