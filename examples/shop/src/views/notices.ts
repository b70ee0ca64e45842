import { findProduct } from "../catalogue.ts";
import { html, type Html } from "./html.ts";

/** What just happened, told on the page after the redirect. Only these words can be shown, whatever the address says. */
const notices: Readonly<Record<string, Html>> = {
  "signed-in": html`You are signed in. Whatever was in your cart came along.`,
  confirmed: html`Thank you. Everything is as you left it.`,
  "signed-out": html`You are signed out. See you soon.`,
  "device-signed-out": html`That device is signed out.`,
  "others-signed-out": html`You are signed out everywhere else. Only this device is left.`,
  "cart-updated": html`Your cart is up to date.`,
};

/** The notice that `?notice=` or `?added=` asks for, or null. */
export function noticeFor(query: Readonly<Record<string, unknown>>): Html | null {
  const { notice, added } = query;
  if (typeof added === "string") return addedNotice(added);
  return typeof notice === "string" && Object.hasOwn(notices, notice) ? (notices[notice] ?? null) : null;
}

function addedNotice(productId: string): Html | null {
  const product = findProduct(productId);
  return product && html`${product.name} is in your cart. <a href="/cart">See your cart</a>`;
}
