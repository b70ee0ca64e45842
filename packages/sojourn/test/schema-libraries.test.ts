/** zod, valibot and arktype for real, and what is wrong with a schema. */

import { inspect } from "node:util";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  ConfigError,
  createSessions,
  type DataSchema,
  InvalidDataError,
  InvalidNameError,
  type Sessions,
  type SessionsOptions,
  type StandardSchema,
} from "../src/index.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const LIBRARIES: Record<string, { fields: DataSchema; whole: DataSchema }> = {
  zod: {
    fields: { name: z.string().trim(), cart: z.array(z.object({ id: z.string(), quantity: z.int().min(1) })) },
    whole: z.object({
      name: z.string().trim(),
      cart: z.array(z.object({ id: z.string(), quantity: z.int().min(1) })).default([]),
    }),
  },
  valibot: {
    fields: {
      name: v.pipe(v.string(), v.trim()),
      cart: v.array(v.object({ id: v.string(), quantity: v.pipe(v.number(), v.integer(), v.minValue(1)) })),
    },
    whole: v.object({
      name: v.pipe(v.string(), v.trim()),
      cart: v.optional(
        v.array(v.object({ id: v.string(), quantity: v.pipe(v.number(), v.integer(), v.minValue(1)) })),
        [],
      ),
    }),
  },
  arktype: {
    fields: { name: type("string.trim"), cart: type({ id: "string", quantity: "number.integer >= 1" }).array() },
    whole: type({
      name: "string.trim",
      cart: type({ id: "string", quantity: "number.integer >= 1" })
        .array()
        .default(() => []),
    }),
  },
};

function sessionsWith(options: SessionsOptions): Sessions {
  return createSessions({ development: true, secrets: [TEST_SECRET], log: () => undefined, ...options });
}

describe.each(Object.entries(LIBRARIES))("%s", (_, { fields, whole }) => {
  test.each([
    ["a schema for each field", fields],
    ["a schema for all data", whole],
  ])("%s: answers are stored, misfits refused with their path and without their value", async (_form, schema) => {
    const sessions = sessionsWith({ schema });
    const { session } = await sessions.create({ data: { name: " Ada " } });
    expect(session.data["name"]).toBe("Ada");
    await session.set("cart", [{ id: "mug", quantity: 2 }]);
    expect((await sessions.get(session.id))?.data).toEqual({ name: "Ada", cart: [{ id: "mug", quantity: 2 }] });
    const secret = "hunter2 hunter2";
    const cart = [
      { id: "mug", quantity: 1 },
      { id: "cup", quantity: secret },
    ];
    const error: unknown = await session.set("cart", cart).catch((reason: unknown) => reason);
    if (!(error instanceof InvalidDataError)) throw error;
    expect(error.issues.map(({ path }) => path)).toEqual(["cart[1].quantity"]);
    expect(error.issues[0]?.message).toEqual(expect.any(String));
    expect(error.message).toContain("cart[1].quantity");
    for (const shown of [error.message, inspect(error, { depth: 9 }), JSON.stringify(error), String(error.stack)]) {
      expect(shown).not.toContain(secret);
    }
    expect(await session.get("cart")).toEqual([{ id: "mug", quantity: 2 }]);
  });

  test("is told apart from a map of schemas by what it is itself", async () => {
    await expect(sessionsWith({ schema: fields }).create({ data: { other: 1 } })).rejects.toMatchObject({
      issues: [{ path: "other" }],
    });
    await expect(sessionsWith({ schema: whole }).create({ data: {} })).rejects.toMatchObject({
      issues: [{ path: "name" }],
    });
  });
});

describe("a schema that cannot be used", () => {
  const answering = (validate: StandardSchema["~standard"]["validate"]): StandardSchema => ({
    "~standard": { version: 1, vendor: "test", validate },
  });

  test.each([
    ["zod", z.string().refine(async () => true)],
    [
      "valibot",
      v.pipeAsync(
        v.string(),
        v.checkAsync(async () => true),
      ),
    ],
    ["of one's own", answering(() => Promise.reject(new Error("nobody waits for it")))],
  ])("async, %s: a TypeError that says so, when it is met", async (_, schema) => {
    const { session } = await sessionsWith({ schema: { a: schema } }).create();
    await expect(session.set("a", "x")).rejects.toThrow(/schema of "a": must not be async/);
  });

  test.each([
    ["that it would refuse", { n: z.string().transform(Number) }],
    ["that it would change again", { n: z.string().transform((text) => `${text}!`) }],
    ["that it would refuse, as a whole", z.object({ n: z.string().transform(Number) })],
    ["that it would change again, as a whole", z.object({ n: z.string().transform((text) => `${text}!`) })],
  ])("answers something %s: a TypeError at the write, not a loss at the next read", async (_, schema: DataSchema) => {
    const sessions = sessionsWith({ schema });
    await expect(sessions.create({ data: { n: "7" } })).rejects.toThrow(/what it answers must pass it again/);
  });

  test("what a validator throws is thrown on", async () => {
    const fault = new RangeError("a fault of the validator");
    const schema = answering(() => {
      throw fault;
    });
    await expect(sessionsWith({ schema: { a: schema } }).create({ data: { a: 1 } })).rejects.toBe(fault);
  });

  test("an answer for all data that is no object is refused", async () => {
    const schema = answering(() => ({ value: [1] })) as StandardSchema<unknown, object>;
    await expect(sessionsWith({ schema }).create()).rejects.toThrow(/must be an object/);
  });

  test.each([
    ["nothing in it", { schema: {} }, ConfigError],
    ["no schema in it", { schema: { a: "string" } }, ConfigError],
    ["a field that is null", { schema: { a: null } }, ConfigError],
    [
      "another version of the specification",
      { schema: { "~standard": { version: 2, validate: () => 1 } } },
      ConfigError,
    ],
    ["a list", { schema: [z.string()] }, ConfigError],
    ["text", { schema: "cart" }, ConfigError],
    ["null", { schema: null }, ConfigError],
    ["a name that cannot be stored", { schema: { "": z.string() } }, InvalidNameError],
    ["version 0", { version: 0 }, ConfigError],
    ["half a version", { version: 1.5 }, ConfigError],
    ["a version that is text", { version: "2" }, ConfigError],
    ["upgrade without version", { upgrade: () => ({}) }, ConfigError],
    ["an upgrade that is no function", { version: 2, upgrade: {} }, ConfigError],
    ["onSchemaMismatch without schema", { onSchemaMismatch: "drop" }, ConfigError],
    ["onSchemaMismatch of another kind", { schema: { a: z.string() }, onSchemaMismatch: "log" }, ConfigError],
  ])("%s is refused at once", (_, options, refusal) => {
    const make = (): Sessions => sessionsWith(options as unknown as SessionsOptions);
    expect(make).toThrow(refusal);
  });
});
