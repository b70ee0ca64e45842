/** patchUser on every engine. */

import { describe, expect, test } from "vitest";
import { createSessions, DataTooLargeError, InvalidNameError, type Sessions, type Store } from "../src/index.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const bench = engineBench();

describe.each(ENGINES)("patchUser on %s", (engine) => {
  async function open(wrap: (store: Store) => Store = (store) => store): Promise<Sessions> {
    const { store, clock } = await bench.open(engine);
    return createSessions({ store: wrap(store), clock, secrets: [TEST_SECRET], log: () => undefined });
  }

  test("F5: changes and removes fields of all live sessions of the user, and of nobody else", async () => {
    const sessions = await open();
    const data = { roles: ["admin", "user"], trial: true, theme: "dark" };
    const mine = [await sessions.create({ userId: "ada", data }), await sessions.create({ userId: "ada" })];
    const other = await sessions.create({ userId: "grace", data });
    const ended = await sessions.create({ userId: "ada", data });
    await sessions.revoke(ended.session.id);
    expect(await sessions.patchUser("ada", { roles: ["user"], trial: undefined })).toEqual({ patched: 2 });
    const dataOf = async ({ session }: typeof other): Promise<unknown> => (await sessions.get(session.id))?.data;
    expect(await Promise.all([...mine, other].map(dataOf))).toEqual([
      { roles: ["user"], theme: "dark" },
      { roles: ["user"] },
      data,
    ]);
    expect(await sessions.patchUser("nobody", { roles: [] })).toEqual({ patched: 0 });
  });

  test("F5: reaches a session that begins while it runs, and one that is written to at the same time", async () => {
    let begin: (() => Promise<unknown>) | null = null;
    const sessions = await open((store) => {
      const listUser: Store["listUser"] = async (userKey) => {
        const listed = await store.listUser(userKey);
        const login = begin;
        begin = null;
        await login?.();
        return listed;
      };
      return new Proxy(store, {
        get(target, name) {
          const value: unknown = name === "listUser" ? listUser : Reflect.get(target, name, target);
          return typeof value === "function" ? (value.bind(target) as unknown) : value;
        },
      });
    });
    const first = await sessions.create({ userId: "ada", data: { roles: ["admin"] } });
    begin = () => sessions.create({ userId: "ada", data: { roles: ["admin"] } });
    const writing = Array.from({ length: 10 }, (_, i) => sessions.data(first.session.id).set(`k${i}`, i));
    const [{ patched }] = await Promise.all([sessions.patchUser("ada", { roles: [] }), ...writing]);
    expect(patched).toBe(2);
    const all = await sessions.list("ada");
    expect(all.map(({ data }) => data["roles"])).toEqual([[], []]);
    expect(Object.keys(all.find(({ id }) => id === first.session.id)?.data ?? {})).toHaveLength(11);
  });

  test("a session that cannot take it keeps no other from getting it; the error comes afterwards", async () => {
    const sessions = await open();
    const full = await sessions.create({ userId: "ada", data: { note: "x".repeat(10_200) } });
    const other = await sessions.create({ userId: "ada" });
    await expect(sessions.patchUser("ada", { roles: ["a".repeat(100)] })).rejects.toThrow(DataTooLargeError);
    expect((await sessions.get(other.session.id))?.data).toHaveProperty("roles");
    expect((await sessions.get(full.session.id))?.data).not.toHaveProperty("roles");
  });

  test("a wrong call changes nothing", async () => {
    const sessions = await open();
    const { session } = await sessions.create({ userId: "ada" });
    await expect(sessions.patchUser("ada", null as never)).rejects.toThrow(TypeError);
    await expect(sessions.patchUser(7 as never, {})).rejects.toThrow(TypeError);
    await expect(sessions.patchUser("ada", { a: 1, ["x".repeat(200)]: 1 })).rejects.toThrow(InvalidNameError);
    expect((await sessions.get(session.id))?.revision).toBe(0);
  });
});
