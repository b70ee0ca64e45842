import { HttpError } from "./http-error.ts";

/** A field of a posted form as text; "" when it is missing or not a text. */
export function field(body: unknown, name: string): string {
  if (typeof body !== "object" || body === null) return "";
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" ? value : "";
}

export const maxQuantity = 99;

/** A quantity from a form, `least` to 99. Throws 400 for everything else. */
export function quantityField(body: unknown, name: string, least: 0 | 1): number {
  const text = field(body, name);
  const quantity = Number(text);
  if (/^\d{1,2}$/.test(text) && quantity >= least) return quantity;
  throw new HttpError(400, `A quantity is a whole number from ${least} to ${maxQuantity}.`);
}
