/** The option `schema` on every engine: what is written, with which answer, and how writers of one session meet. */

import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  createSessions,
  type DataSchema,
  InvalidDataError,
  InvalidValueError,
  SchemaMismatchError,
  SessionEndedError,
  type Sessions,
  type SessionsOptions,
  type StandardSchema,
  type Store,
  WrongKindError,
} from "../src/index.ts";
import { SessionRecord } from "../src/data/session-record.ts";
import { isRecord } from "../src/store/store.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const Item = z.object({ id: z.string(), quantity: z.int().min(1) });
const MAP = {
  cart: z.array(Item),
  email: z.string().trim().toLowerCase(),
  visits: z.int().max(3),
  theme: z.enum(["dark", "light"]),
};
/** As a whole: nobody may have ordered more than is in stock. */
const WHOLE = z
  .object({ stock: z.int().default(10), ordered: z.int().default(0), note: z.string().optional() })
  .refine((data) => data.ordered <= data.stock, { path: ["ordered"], message: "more than there is" });

const bench = engineBench();

describe.each(ENGINES)("schema on %s", (engine) => {
  interface Place {
    readonly store: Store;
    readonly lines: string[];
    /** An application server with these options. */
    server(options?: SessionsOptions): Sessions;
    stored(id: string): Promise<{ data: Record<string, unknown>; revision: number }>;
  }

  async function open(): Promise<Place> {
    const { store, clock } = await bench.open(engine);
    const lines: string[] = [];
    const log = (line: string): number => lines.push(line);
    return {
      store,
      lines,
      server: (options = {}) => createSessions({ store, clock, secrets: [TEST_SECRET], log, ...options }),
      async stored(id) {
        const outcome = await store.read(id);
        if (!isRecord(outcome)) throw new Error(`session ${id} has no record`);
        const record = new SessionRecord(outcome);
        return { data: record.plainData(), revision: record.revision };
      },
    };
  }

  describe("of each field", () => {
    test("checks every way of writing, and stores what it answers", async () => {
      const { server, stored } = await open();
      const sessions = server({ schema: MAP });
      const { session } = await sessions.create({ userId: "ada", data: { email: " Ada@Example.com " } });
      expect(session.data).toEqual({ email: "ada@example.com" });
      await session.set("email", " GRACE@example.com");
      expect(session.data["email"]).toBe("grace@example.com");
      await sessions.data(session.id).set("email", "Hedy@Example.com ");
      await session.update((draft) => void (draft["cart"] = [{ id: "mug", quantity: 1, price: 7 }]));
      expect(await session.increment("visits", 2)).toBe(2);
      expect((await stored(session.id)).data).toEqual({
        email: "hedy@example.com",
        cart: [{ id: "mug", quantity: 1 }],
        visits: 2,
      });
      await session.delete("visits");
      expect(await sessions.data(session.id).get("visits")).toBeUndefined();
    });

    test("refuses what does not fit and what it does not know, however it is written, and writes nothing", async () => {
      const { server, stored } = await open();
      const sessions = server({ schema: MAP });
      const { token, session } = await sessions.create({ data: { visits: 3, theme: "dark" } });
      const wrong = [
        { id: "mug", quantity: 1 },
        { id: "cup", quantity: 0 },
      ];
      const writes: [() => Promise<unknown>, string][] = [
        [() => sessions.create({ data: { cart: wrong } }), "cart[1].quantity"],
        [() => session.set("cart", wrong), "cart[1].quantity"],
        [() => sessions.data(session.id).set("cart", wrong), "cart[1].quantity"],
        [() => session.update((draft) => void (draft["cart"] = wrong)), "cart[1].quantity"],
        [() => session.increment("visits"), "visits"],
        [() => sessions.data(session.id).increment("visits"), "visits"],
        [() => sessions.login(token, { userId: "ada", data: { theme: "red" } }), "theme"],
        [() => session.set("colour", "red"), "colour"],
        [() => session.set("constructor", "red"), "constructor"],
        [() => sessions.create({ data: { colour: "red" } }), "colour"],
        [() => session.update((draft) => void (draft["colour"] = "red")), "colour"],
        [() => session.increment("colour"), "colour"],
      ];
      for (const [write, path] of writes) {
        const error: unknown = await write().then(
          () => null,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(InvalidDataError);
        expect(error).toMatchObject({ code: "invalid_data", status: 400, issues: [{ path }] });
      }
      expect(await stored(session.id)).toEqual({ data: { visits: 3, theme: "dark" }, revision: 0 });
      expect(await sessions.validate(token)).toMatchObject({ valid: true });
      expect(await sessions.count()).toBe(1);
    });

    test("looks only at fields that change", async () => {
      const { server, stored } = await open();
      const { session } = await server().create({ data: { theme: "blue", visits: 1 } });
      const later = await server({ schema: MAP }).get(session.id);
      expect(await later?.update((draft) => void (draft["visits"] = 2))).toEqual({ visits: 2 });
      expect((await stored(session.id)).data).toEqual({ theme: "blue", visits: 2 });
    });

    test("what JSON would lose of its answers is refused with its path", async () => {
      const { server } = await open();
      const sessions = server({ schema: { seen: z.object({ at: z.coerce.date() }), when: z.iso.datetime() } });
      const { session } = await sessions.create();
      await expect(session.set("seen", { at: "2026-01-01" })).rejects.toMatchObject({
        name: InvalidValueError.name,
        path: "seen.at",
      });
      await expect(session.update((draft) => void (draft["seen"] = { at: 0 }))).rejects.toThrow(InvalidValueError);
      await session.set("when", new Date(0).toISOString());
      expect(session.data).toEqual({ when: "1970-01-01T00:00:00.000Z" });
    });

    test("an increment of what is no integer is refused", async () => {
      const { server } = await open();
      const sessions = server({ schema: { n: z.union([z.number(), z.string()]) } });
      const { session } = await sessions.create({ data: { n: "7" } });
      await expect(session.increment("n")).rejects.toThrow(WrongKindError);
      await session.set("n", Number.MAX_SAFE_INTEGER);
      await expect(session.increment("n")).rejects.toThrow(WrongKindError);
      expect(await session.increment("n", -1)).toBe(Number.MAX_SAFE_INTEGER - 1);
    });

    test("G2 increments of two servers lose none, though each is read, checked and written", async () => {
      const { server } = await open();
      const servers = [server({ schema: { n: z.int() } }), server({ schema: { n: z.int() } })];
      const { session } = await (servers[0] ?? server()).create();
      const adding = servers.flatMap((each) => Array.from({ length: 20 }, () => each.data(session.id).increment("n")));
      const sums = await Promise.all(adding);
      expect(sums.toSorted((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    });
  });

  test.each([
    ["of each field", { n: z.int(), list: z.array(z.int()) }],
    ["of all data", z.object({ n: z.int().optional(), list: z.array(z.int()).optional() })],
  ])("writes that nobody awaited keep their order and their values: %s", async (_, schema) => {
    const { server } = await open();
    const { session } = await server({ schema }).create({ data: { n: 1 } });
    const list = [1];
    const writes = [session.set("n", 5), session.increment("n"), session.set("list", list), session.increment("n", 2)];
    list.push(2);
    expect((await Promise.all(writes)).filter((each) => each !== undefined)).toEqual([6, 8]);
    expect(session.data).toEqual({ n: 8, list: [1] });
    expect((await server().get(session.id))?.data).toEqual({ n: 8, list: [1] });
  });

  test("G2 what another server wrote meanwhile is what a write is checked against", async () => {
    const { server } = await open();
    const [here, there] = [server({ schema: WHOLE }), server({ schema: WHOLE })];
    const { session } = await here.create({ data: { ordered: 10, note: "a" } });
    await there.data(session.id).update((draft) => void Object.assign(draft, { ordered: 5, note: "b" }));
    expect(await session.increment("ordered")).toBe(6);
    await there.data(session.id).set("note", "c");
    await session.set("note", "a");
    expect(await there.data(session.id).get("note")).toBe("a");
    const stale = await here.get(session.id);
    await there.data(session.id).set("ordered", 1);
    expect(await stale?.update((draft) => void (draft["ordered"] = Number(draft["ordered"]) + 5))).toMatchObject({
      ordered: 6,
    });
    await there.revoke(session.id);
    await expect(session.set("note", "a")).rejects.toThrow(SessionEndedError);
  });

  describe("of all data together", () => {
    test("checks the merged data of every write, and stores what it answers", async () => {
      const { server, stored } = await open();
      const sessions = server({ schema: WHOLE });
      const { session } = await sessions.create();
      expect((await stored(session.id)).data).toEqual({ stock: 10, ordered: 0 });
      await session.set("ordered", 9);
      expect(await session.increment("ordered")).toBe(10);
      expect(session.data).toEqual({ stock: 10, ordered: 10 });
      const refused = { name: InvalidDataError.name, issues: [{ path: "ordered", message: "more than there is" }] };
      await expect(session.increment("ordered")).rejects.toMatchObject(refused);
      await expect(sessions.data(session.id).set("stock", 9)).rejects.toMatchObject(refused);
      await expect(sessions.create({ data: { ordered: 11 } })).rejects.toMatchObject(refused);
      await expect(session.update((draft) => void (draft["stock"] = 1))).rejects.toMatchObject(refused);
      await session.update((draft) => void Object.assign(draft, { stock: 20, ordered: 20, unknown: 1 }));
      await session.delete("ordered");
      expect((await stored(session.id)).data).toEqual({ stock: 20, ordered: 0 });
      await sessions.revoke(session.id);
      await expect(session.set("note", "x")).rejects.toThrow(SessionEndedError);
      expect(await sessions.data(session.id).set("note", "x")).toBe(false);
    });

    test("G2 writers of different fields never make data together that neither would alone", async () => {
      const { server, stored } = await open();
      const servers = [server({ schema: WHOLE }), server({ schema: WHOLE })];
      for (let round = 0; round < 10; round++) {
        const { session } = await (servers[0] ?? server()).create({ data: { stock: 6, ordered: 2 } });
        const done = await Promise.allSettled([
          servers[0]?.data(session.id).set("stock", 3),
          servers[1]?.data(session.id).set("ordered", 5),
        ]);
        expect(done.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
        const { data } = await stored(session.id);
        expect(Number(data["ordered"])).toBeLessThanOrEqual(Number(data["stock"]));
      }
    });

    test("stores a value as it was when it was given", async () => {
      const { server } = await open();
      const sessions = server({ schema: z.object({ list: z.array(z.int()).optional() }) });
      const { session } = await sessions.create();
      const list = [1];
      const writing = session.set("list", list);
      list.push(2);
      await writing;
      expect(await session.get("list")).toEqual([1]);
      await expect(session.set("list", () => 1)).rejects.toThrow(InvalidValueError);
      await expect(session.set("list", undefined)).rejects.toThrow(InvalidValueError);
    });
  });

  describe("when stored data does not fit", () => {
    const schemas: Record<string, DataSchema> = {
      "of each field": { theme: z.enum(["dark", "light"]), visits: z.int() },
      "of all data": z.object({ theme: z.enum(["dark", "light"]).optional(), visits: z.int().optional() }),
    };

    test.each(Object.entries(schemas))("drop, %s: the field is left out, the stored one stays", async (_, schema) => {
      const { server, stored, lines } = await open();
      const { session } = await server().create({ data: { theme: "blue", visits: 1, more: true } });
      const strict = server({ schema });
      const read = await strict.get(session.id);
      expect(read?.data).toEqual({ visits: 1 });
      expect(await read?.get("theme")).toBeUndefined();
      expect(await read?.increment("visits")).toBe(2);
      expect((await stored(session.id)).data).toEqual({ theme: "blue", visits: 2, more: true });
      await read?.set("theme", "dark");
      expect((await strict.get(session.id))?.data).toEqual({ theme: "dark", visits: 2 });
      expect((await stored(session.id)).data).toEqual({ theme: "dark", visits: 2, more: true });
      expect(lines.some((line) => line.includes("(theme). It is left out"))).toBe(true);
      expect(lines.join()).not.toContain("blue");
    });

    test.each(Object.entries(schemas))(
      "throw, %s: where it is read; the rest and the stored field stay",
      async (_, schema) => {
        const { server, stored } = await open();
        const { session } = await server().create({ data: { theme: "blue", visits: 1 } });
        const strict = server({ schema, onSchemaMismatch: "throw" });
        const read = await strict.get(session.id);
        expect(read?.data["visits"]).toBe(1);
        expect(() => read?.data["theme"]).toThrow(SchemaMismatchError);
        await expect(read?.get("theme")).rejects.toMatchObject({ code: "schema_mismatch", status: 500, issues: [{}] });
        expect((await stored(session.id)).data).toEqual({ theme: "blue", visits: 1 });
        await read?.update((draft) => void (draft["theme"] = "light"));
        expect((await strict.get(session.id))?.data).toEqual({ theme: "light", visits: 1 });
      },
    );

    test.each(Object.entries(schemas))(
      "end, %s: the session ends, for reading and writing alike",
      async (_, schema) => {
        const { server } = await open();
        const strict = server({ schema, onSchemaMismatch: "end" });
        for (const use of ["data", "get", "set", "update"] as const) {
          const { token } = await server().create({ data: { theme: "blue", visits: 1 } });
          const validation = await strict.validate(token);
          if (!validation.valid) throw new Error(validation.reason);
          const { session } = validation;
          if (use === "data") expect(session.data).toEqual({});
          else if (use === "get") await expect(session.get("visits")).rejects.toThrow(SessionEndedError);
          else if (use === "set") await expect(session.set("visits", 2)).rejects.toThrow(SessionEndedError);
          else await expect(session.update(() => undefined)).rejects.toMatchObject({ reason: "schema_mismatch" });
          await expect
            .poll(() => strict.validate(token))
            .toMatchObject({ valid: false, ended: { reason: "schema_mismatch" } });
        }
        const { session } = await server().create({ data: { theme: "blue" } });
        expect(await strict.data(session.id).get("theme")).toBeUndefined();
        expect(await strict.data(session.id).set("visits", 1)).toBe(false);
      },
    );
  });

  test("nothing is checked before data is looked at", async () => {
    const { server } = await open();
    let checked = 0;
    const counting: StandardSchema = {
      "~standard": { version: 1, vendor: "test", validate: (value) => (checked++, { value }) },
    };
    const sessions = server({ schema: { a: counting }, version: 1 });
    const { token } = await sessions.create({ userId: "ada", data: { a: 1 } });
    checked = 0;
    const validation = await sessions.validate(token);
    await sessions.list("ada");
    await sessions.rotate(token);
    expect(checked).toBe(0);
    expect(validation.valid ? validation.session.data : null).toEqual({ a: 1 });
    expect(checked).toBe(1);
  });
});
