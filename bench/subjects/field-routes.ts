/**
 * What every site that keeps sessions answers, besides `/bare` and `/me`, so that its promises can be counted:
 *
 * - `POST /field?name=a&value=1&ms=5` works for so long, then stores one of `FIELDS` in the session;
 * - `GET /slow?ms=5` works for so long and stores nothing;
 * - `GET /fields` answers those fields as JSON, 401 without a session;
 * - `POST /logout`.
 */

export const FIELDS = ["a", "b"] as const;
type Field = (typeof FIELDS)[number];

export interface FieldOrder {
  readonly name: Field;
  readonly value: string;
  readonly ms: number;
}

/** @throws TypeError for another field */
export function fieldOrder({ name, value, ms }: Readonly<Record<string, unknown>>): FieldOrder {
  const field = FIELDS.find((each) => each === name);
  if (field === undefined) throw new TypeError(`no field ${String(name)}`);
  return { name: field, value: String(value), ms: Number(ms) };
}

export function fieldsOf(session: Readonly<Partial<Record<Field, unknown>>>): Partial<Record<Field, unknown>> {
  return Object.fromEntries(FIELDS.filter((name) => session[name] !== undefined).map((name) => [name, session[name]]));
}
