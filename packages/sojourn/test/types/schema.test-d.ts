/** What the option `schema` makes of the data's types; checked by `tsc`, never run. */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { sojourn } from "../../src/adapters/express.ts";
import type { RegisteredData } from "../../src/adapters/registered-data.ts";
import {
  createSessions,
  type DataOf,
  type Sessions,
  type SessionsOptions,
  type StandardSchema,
} from "../../src/index.ts";
import { cart } from "../../src/patterns/cart.ts";
import { type Equal, holds } from "./claims.ts";

interface Item {
  id: string;
  quantity: number;
}
interface Data {
  cart?: Item[];
  theme?: "dark" | "light";
}

declare const options: SessionsOptions;
declare const standard: StandardSchemaV1<string, number>;
declare const ours: StandardSchema<string, number>;

export function specification(): void {
  standard satisfies StandardSchema<string, number>;
  ours satisfies StandardSchemaV1<string, number>;
  // @ts-expect-error -- another output
  standard satisfies StandardSchema<string, string>;
  // @ts-expect-error -- no schema
  ({ "~standard": { version: 1 } }) satisfies StandardSchema;
}

export function maps(): void {
  const withZod = createSessions({
    schema: { cart: z.array(z.object({ id: z.string(), quantity: z.int() })), theme: z.enum(["dark", "light"]) },
  });
  holds<Equal<typeof withZod, Sessions<Data>>>();
  const withValibot = createSessions({
    schema: {
      cart: v.array(v.object({ id: v.string(), quantity: v.number() })),
      theme: v.picklist(["dark", "light"]),
    },
  });
  holds<Equal<typeof withValibot, Sessions<Data>>>();
  const withArktype = createSessions({
    schema: { cart: type({ id: "string", quantity: "number" }).array(), theme: type("'dark' | 'light'") },
  });
  holds<Equal<typeof withArktype, Sessions<Data>>>();
  // What comes out is what is stored.
  holds<Equal<DataOf<{ n: StandardSchema<string, number> }>, { n?: number }>>();
}

export function objects(): void {
  const withZod = createSessions({
    schema: z.object({ theme: z.enum(["dark", "light"]).default("light"), visits: z.int().optional() }),
  });
  holds<Equal<typeof withZod, Sessions<{ theme: "dark" | "light"; visits?: number | undefined }>>>();
  const withValibot = createSessions({ schema: v.object({ theme: v.optional(v.string()) }) });
  holds<Equal<typeof withValibot, Sessions<{ theme?: string | undefined }>>>();
  const withArktype = createSessions({ schema: type({ "theme?": "string" }) });
  holds<Equal<typeof withArktype, Sessions<{ theme?: string }>>>();
}

export async function use(): Promise<void> {
  const sessions = createSessions({ schema: { theme: z.enum(["dark", "light"]), visits: z.int() }, version: 2 });
  const { session } = await sessions.create({ data: { theme: "dark" } });
  holds<Equal<typeof session.data, Readonly<Partial<{ theme?: "dark" | "light"; visits?: number }>>>>();
  await session.increment("visits");
  await sessions.data("id").set("theme", "light");
  await session.update((draft) => {
    draft.visits = (draft.visits ?? 0) + 1;
    // @ts-expect-error -- not in the schema
    draft.colour = "red";
  });
  // @ts-expect-error -- not in the schema
  await session.set("colour", "red");
  // @ts-expect-error -- not a value of the field
  await session.set("theme", "green");
  // @ts-expect-error -- text cannot be counted
  await session.increment("theme");
  // @ts-expect-error -- not in the schema
  await sessions.create({ data: { colour: "red" } });
  // @ts-expect-error -- not in the schema
  await sessions.login(null, { userId: "ada", keep: ["colour"] });
  // Adapters, patterns and the types of requests.
  sojourn(sessions);
  cart(sessions);
  holds<Equal<RegisteredData<{ sessions: typeof sessions }>, { theme?: "dark" | "light"; visits?: number }>>();
}

export function choices(): void {
  createSessions({ schema: { a: z.string() }, version: 2, upgrade: (old, from) => ({ a: String(old["b"]) + from }) });
  createSessions({ schema: z.object({}), onSchemaMismatch: "end" });
  const untyped = createSessions(options);
  holds<Equal<typeof untyped, Sessions>>();
  const claimed = createSessions<Data>({ version: 2 });
  holds<Equal<typeof claimed, Sessions<Data>>>();
  // @ts-expect-error -- the schema says the types
  createSessions<{ a: number }>({ schema: { a: z.string() } });
  // @ts-expect-error -- no schema
  createSessions({ schema: { a: "string" } });
  // @ts-expect-error -- a field is no data
  createSessions({ schema: z.string() });
  // @ts-expect-error -- one of three
  createSessions({ schema: z.object({}), onSchemaMismatch: "ignore" });
  // @ts-expect-error -- what is there must be looked at
  createSessions({ version: 2, upgrade: (old) => ({ a: old["a"].b }) });
  // @ts-expect-error -- data is an object
  createSessions({ version: 2, upgrade: () => 1 });
}
