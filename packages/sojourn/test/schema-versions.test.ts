/** Deploys of different versions on one store: what each sees and writes, and that neither undoes the other's work. */

import { describe, expect, test } from "vitest";
import { z } from "zod";
import { SessionRecord } from "../src/data/session-record.ts";
import {
  createSessions,
  EncryptionKeyMissingError,
  InvalidNameError,
  NewerDataError,
  SchemaMismatchError,
  type Sessions,
  type SessionsOptions,
  type Store,
} from "../src/index.ts";
import { isRecord } from "../src/store/store.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { FIELD_KEY, NEXT_FIELD_KEY, TEST_SECRET } from "./support/secrets.ts";

/** Version 1 keeps ids of products, version 2 keeps items; `theme` is the same in both, `old` is given up, `note` is new. */
const V1 = {
  version: 1,
  schema: { cart: z.array(z.string()), theme: z.string(), n: z.int(), old: z.int() },
} satisfies SessionsOptions;
const V2 = {
  version: 2,
  schema: { cart: z.array(z.object({ id: z.string() })), theme: z.string(), n: z.int(), note: z.string() },
  upgrade(data: Record<string, unknown>, from: number): object {
    const { old, ...rest } = data;
    const cart = (data["cart"] as string[] | undefined)?.map((id) => ({ id }));
    return { ...rest, ...(cart && { cart }), note: `from ${from}, ${String(old)}` };
  },
} satisfies SessionsOptions;
const OLD_DATA = { cart: ["mug", "cup"], theme: "dark", n: 1, old: 7 };
const NEW_DATA = { cart: [{ id: "mug" }, { id: "cup" }], theme: "dark", n: 1, note: "from 1, 7" };

const bench = engineBench();

describe.each(ENGINES)("versions of data on %s", (engine) => {
  interface Place {
    readonly store: Store;
    readonly lines: string[];
    server(options: SessionsOptions): Sessions;
    record(id: string): Promise<SessionRecord>;
  }

  async function open(): Promise<Place> {
    const { store, clock } = await bench.open(engine);
    const lines: string[] = [];
    const log = (line: string): number => lines.push(line);
    return {
      store,
      lines,
      server: (options) => createSessions({ store, clock, secrets: [TEST_SECRET], log, ...options }),
      async record(id) {
        const outcome = await store.read(id);
        if (!isRecord(outcome)) throw new Error(`session ${id} has no record`);
        return new SessionRecord(outcome);
      },
    };
  }

  test("older data is upgraded where it is read, and the store stays as it is", async () => {
    const { server, record } = await open();
    const { token, session } = await server(V1).create({ userId: "ada", data: OLD_DATA });
    const before = (await record(session.id)).bytes;
    const sessions = server(V2);
    const validation = await sessions.validate(token);
    expect(validation.valid ? validation.session.data : null).toEqual(NEW_DATA);
    expect(await sessions.data(session.id).get("cart")).toEqual(NEW_DATA.cart);
    const read = await sessions.get(session.id);
    expect(await read?.get("note")).toBe("from 1, 7");
    expect(await read?.update(() => undefined)).toEqual(NEW_DATA);
    expect((await record(session.id)).bytes).toEqual(before);
  });

  test.each([
    ["set", (s: Sessions, id: string) => s.data(id).set("theme", "light"), { theme: "light" }],
    ["delete", (s: Sessions, id: string) => s.data(id).delete("theme"), { theme: undefined }],
    ["increment", (s: Sessions, id: string) => s.data(id).increment("n"), { n: 2 }],
    ["update", (s: Sessions, id: string) => s.data(id).update((draft) => void (draft["n"] = 5)), { n: 5 }],
    ["session.set", async (s: Sessions, id: string) => (await s.get(id))?.set("theme", "light"), { theme: "light" }],
    ["session.increment", async (s: Sessions, id: string) => (await s.get(id))?.increment("n"), { n: 2 }],
  ])("the next write stores it whole, with its version and in one revision: %s", async (_, write, changed) => {
    const { server, record } = await open();
    const { session } = await server(V1).create({ data: OLD_DATA });
    const sessions = server(V2);
    await write(sessions, session.id);
    const expected = JSON.parse(JSON.stringify({ ...NEW_DATA, ...changed })) as Record<string, unknown>;
    expect((await record(session.id)).revision).toBe(1);
    expect((await record(session.id)).plainData()).toEqual({ ...expected, "\0v": 2 });
    expect((await server(V2).get(session.id))?.data).toEqual(expected);
  });

  test("writes of one tick that meet older data are all stored", async () => {
    const { server } = await open();
    const { session: made } = await server(V1).create({ data: OLD_DATA });
    const session = await server(V2).get(made.id);
    if (session === null) throw new Error("no session");
    const writes = [session.set("theme", "light"), session.increment("n", 2), session.set("note", "mine")];
    const wrong = session.set("note", "x".repeat(20_000));
    expect(await Promise.all(writes)).toEqual([undefined, 3, undefined]);
    await expect(wrong).rejects.toMatchObject({ code: "data_too_large" });
    const data = { ...NEW_DATA, theme: "light", n: 3, note: "mine" };
    expect(session.data).toEqual(data);
    expect((await server(V2).get(made.id))?.data).toEqual(data);
  });

  test("N3 the version is no field of the application's", async () => {
    const { server } = await open();
    const sessions = server(V2);
    const { session } = await sessions.create({ data: { theme: "dark" } });
    for (const each of [session, await sessions.get(session.id), await server({}).get(session.id)]) {
      expect(Object.keys(each?.data ?? {})).toEqual(["theme"]);
    }
    await expect(session.get("\0v")).rejects.toThrow(InvalidNameError);
    await expect(server({}).data(session.id).set("\0v", 1)).rejects.toThrow(InvalidNameError);
    await expect(server({}).data(session.id).delete("\0v")).rejects.toThrow(InvalidNameError);
  });

  test("newer data is read as far as it fits, never written, dropped or ended by an older deploy", async () => {
    const { server, record } = await open();
    const { token, session } = await server(V1).create({ userId: "ada", data: OLD_DATA });
    const before = await server(V1).get(session.id);
    await server(V2).data(session.id).set("theme", "light");
    const upgraded = (await record(session.id)).bytes;
    const newer = { name: NewerDataError.name, code: "newer_data", status: 503 };
    for (const onSchemaMismatch of ["drop", "end", "throw"] as const) {
      const old = server({ ...V1, onSchemaMismatch });
      const validation = await old.validate(token);
      if (!validation.valid) throw new Error(validation.reason);
      const { data } = validation.session;
      expect([data["theme"], data["n"], Object.keys(data)]).toEqual(["light", 1, ["cart", "theme", "n"]]);
      expect(() => data["cart"]).toThrow(NewerDataError);
      await expect(validation.session.get("cart")).rejects.toMatchObject(newer);
      await expect(validation.session.set("theme", "x")).rejects.toMatchObject(newer);
      await expect(validation.session.delete("theme")).rejects.toMatchObject(newer);
      await expect(validation.session.increment("n")).rejects.toMatchObject(newer);
      await expect(old.data(session.id).update((draft) => void (draft["n"] = 9))).rejects.toMatchObject(newer);
      await expect(old.data(session.id).set("cart", ["pen"])).rejects.toMatchObject(newer);
      expect(await old.data(session.id).update(() => undefined)).toMatchObject({ theme: "light" });
    }
    // What was read before the upgrade is not written back either.
    await expect(before?.set("theme", "dark")).rejects.toMatchObject(newer);
    await expect(before?.update((draft) => void (draft["n"] = 3))).rejects.toMatchObject(newer);
    expect((await record(session.id)).bytes).toEqual(upgraded);
    expect((await server(V2).get(session.id))?.data).toEqual({ ...NEW_DATA, theme: "light" });
  });

  test("so does a deploy from before there were versions, with or without a schema", async () => {
    const { server } = await open();
    const { session } = await server({}).create({ data: OLD_DATA });
    await server(V2).data(session.id).set("n", 2);
    const plain = server({});
    expect((await plain.get(session.id))?.data).toMatchObject({ cart: NEW_DATA.cart, note: "from 0, 7" });
    for (const old of [plain, server({ schema: V1.schema, onSchemaMismatch: "end" })]) {
      await expect(old.data(session.id).set("theme", "x")).rejects.toThrow(NewerDataError);
      expect(await old.data(session.id).get("n")).toBe(2);
    }
    expect(await server(V2).data(session.id).get("theme")).toBe("dark");
  });

  test("G2 two deploys that write at once leave data of one version, and lose nothing that was acknowledged", async () => {
    const { server, record } = await open();
    const [old, fresh] = [server(V1), server(V2)];
    for (let round = 0; round < 15; round++) {
      const { session } = await old.create({ data: { cart: [], n: 0 } });
      const written = await Promise.allSettled([
        old.data(session.id).update((draft) => void (draft["cart"] = [...(draft["cart"] as string[]), "old"])),
        fresh.data(session.id).update((draft) => {
          draft["cart"] = [...((draft["cart"] ?? []) as object[]), { id: "new" }];
        }),
        old.data(session.id).increment("n"),
        fresh.data(session.id).increment("n"),
        old.data(session.id).set("theme", "old"),
      ]);
      const done = written.map(({ status }) => status === "fulfilled");
      for (const each of written) if (each.status === "rejected") expect(each.reason).toBeInstanceOf(NewerDataError);
      expect([done[1], done[3]]).toEqual([true, true]);
      const data = (await record(session.id)).plainData();
      expect(data["\0v"]).toBe(2);
      const ids = (data["cart"] as { id: string }[]).map(({ id }) => id).toSorted();
      expect(ids).toEqual(done[0] === true ? ["new", "old"] : ["new"]);
      expect(data["n"]).toBe(done[2] === true ? 2 : 1);
      expect(data["theme"]).toBe(done[4] === true ? "old" : undefined);
    }
  });

  test("a field that one deploy knows and another does not is left alone by both, without a new version", async () => {
    const { server } = await open();
    const before = server({ schema: { theme: z.string() }, onSchemaMismatch: "end" });
    const after = server({ schema: { theme: z.string(), coupon: z.string() }, onSchemaMismatch: "end" });
    const { token, session } = await after.create({ data: { theme: "dark", coupon: "TEN" } });
    expect((await before.get(session.id))?.data).toEqual({ theme: "dark" });
    await before.data(session.id).update((draft) => void (draft["theme"] = "light"));
    expect((await after.get(session.id))?.data).toEqual({ theme: "light", coupon: "TEN" });
    expect(await before.validate(token)).toMatchObject({ valid: true });
    const whole = server({ schema: z.object({ theme: z.string() }) });
    await whole.data(session.id).set("theme", "blue");
    expect((await after.get(session.id))?.data).toEqual({ theme: "blue", coupon: "TEN" });
  });

  test("an upgrade that fails loses nothing: data is out of reach, as it was, until a deploy mends it", async () => {
    const { server, record } = await open();
    const { token, session } = await server(V1).create({ userId: "ada", data: OLD_DATA });
    const before = (await record(session.id)).bytes;
    const faults: (() => unknown)[] = [
      () => {
        throw new RangeError("fault");
      },
      () => undefined,
      async () => Promise.reject(new Error("nobody waits for it")),
      () => ({ cart: new Date() }),
      () => ({ ["__proto__x".slice(0, -1)]: 1, "\0v": 3 }),
    ];
    for (const fault of faults) {
      const broken = server({ ...V2, upgrade: fault as () => object, onSchemaMismatch: "end" });
      const validation = await broken.validate(token);
      if (!validation.valid) throw new Error(validation.reason);
      expect(validation.session.userId).toBe("ada");
      expect(() => validation.session.data["theme"]).toThrow(SchemaMismatchError);
      await expect(validation.session.set("theme", "light")).rejects.toThrow(/could not be upgraded/);
      await expect(broken.data(session.id).increment("n")).rejects.toThrow(SchemaMismatchError);
    }
    expect((await record(session.id)).bytes).toEqual(before);
    expect((await server(V2).get(session.id))?.data).toEqual(NEW_DATA);
  });

  test("what an upgrade answers must fit as well: dropped, ended, or thrown and not written", async () => {
    const { server, record } = await open();
    const upgrade = (data: Record<string, unknown>): object => ({ ...data, cart: "no list" });
    const make = () => server(V1).create({ data: OLD_DATA });
    const dropping = await make();
    await server({ ...V2, upgrade })
      .data(dropping.session.id)
      .set("n", 2);
    expect((await record(dropping.session.id)).plainData()).toEqual({ theme: "dark", n: 2, old: 7, "\0v": 2 });
    const ending = await make();
    expect(
      await server({ ...V2, upgrade, onSchemaMismatch: "end" })
        .data(ending.session.id)
        .get("n"),
    ).toBeUndefined();
    await expect.poll(() => server(V2).get(ending.session.id)).toBeNull();
    const throwing = await make();
    const strict = server({ ...V2, upgrade, onSchemaMismatch: "throw" });
    expect(await strict.data(throwing.session.id).get("n")).toBe(1);
    await expect(strict.data(throwing.session.id).set("n", 2)).rejects.toThrow(SchemaMismatchError);
    expect((await record(throwing.session.id)).plainData()).toEqual({ ...OLD_DATA, "\0v": 1 });
  });

  test("several versions are one step: from says how old the data is", async () => {
    const { server } = await open();
    const { session } = await server({}).create({ data: { a: 1 } });
    const steps = { version: 3, upgrade: (data: object, from: number) => ({ ...data, from }) };
    expect((await server(steps).get(session.id))?.data).toEqual({ a: 1, from: 0 });
    await server({ version: 2, upgrade: (data) => data })
      .data(session.id)
      .set("a", 2);
    expect((await server(steps).get(session.id))?.data).toEqual({ a: 2, from: 2 });
    await server(steps).data(session.id).set("a", 3);
    expect((await server(steps).get(session.id))?.data).toEqual({ a: 3, from: 2 });
  });

  test("a login takes older data along upgraded; from newer data it takes nothing and ends nothing", async () => {
    const { server, record } = await open();
    const first = await server(V1).create({ data: OLD_DATA });
    const { session } = await server(V2).login(first.token, { userId: "ada", keep: ["cart"] });
    expect((await record(session.id)).plainData()).toEqual({ cart: NEW_DATA.cart, "\0v": 2 });
    const second = await server(V2).create({ data: { theme: "dark" } });
    await expect(server(V1).login(second.token, { userId: "bob", keep: ["theme"] })).rejects.toThrow(NewerDataError);
    expect(await server(V1).list("bob")).toEqual([]);
    expect(await server(V2).validate(second.token)).toMatchObject({
      valid: true,
      session: { data: { theme: "dark" } },
    });
  });

  test("encrypted data is upgraded encrypted; without its key it is neither upgraded nor written over", async () => {
    const { server, record } = await open();
    const encryption = { keys: [FIELD_KEY], fields: ["cart"] };
    const { session } = await server({ ...V1, encryption }).create({ data: OLD_DATA });
    const poor = server({ ...V2, encryption: { keys: [NEXT_FIELD_KEY] } });
    await expect(poor.data(session.id).set("theme", "light")).rejects.toThrow(EncryptionKeyMissingError);
    const sessions = server({ ...V2, encryption });
    await sessions.data(session.id).set("theme", "light");
    const stored = await record(session.id);
    expect([stored.bytes.includes("mug"), stored.plainData()["\0v"]]).toEqual([false, 2]);
    expect((await sessions.get(session.id))?.data).toEqual({ ...NEW_DATA, theme: "light" });
    const all = server({ ...V2, encryption: { keys: [FIELD_KEY] } });
    const { session: next } = await all.create({ data: { theme: "dark" } });
    expect((await record(next.id)).plainData()).toEqual({ "\0v": 2 });
    expect(await all.data(next.id).set("note", "x")).toBe(true);
  });

  test("an object schema upgrades likewise", async () => {
    const { server, record } = await open();
    const { session } = await server(V1).create({ data: OLD_DATA });
    const schema = z.object({ cart: z.array(z.object({ id: z.string() })), theme: z.string(), n: z.int().default(0) });
    const sessions = server({ version: 2, schema, upgrade: V2.upgrade });
    expect((await sessions.get(session.id))?.data).toEqual({ cart: NEW_DATA.cart, theme: "dark", n: 1 });
    expect(await sessions.data(session.id).increment("n")).toBe(2);
    expect((await record(session.id)).plainData()).toEqual({ cart: NEW_DATA.cart, theme: "dark", n: 2, "\0v": 2 });
    await expect(server(V1).data(session.id).set("theme", "x")).rejects.toThrow(NewerDataError);
  });
});
