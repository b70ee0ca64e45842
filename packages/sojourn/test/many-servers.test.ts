/** Finding and moving sessions of many servers, on every engine. */

import { describe, expect, test } from "vitest";
import { createSessions, type FindInput, type Session, type Sessions, type SessionsOptions } from "../src/index.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { TEST_SECRET } from "./support/secrets.ts";

const bench = engineBench();

async function findAll(
  sessions: Sessions,
  input: FindInput,
): Promise<{ ids: string[]; calls: number; scanned: number }> {
  const items: Session[] = [];
  let [calls, scanned] = [0, 0];
  for (let cursor: string | null = null; ; ) {
    const found = await sessions.find({ ...input, cursor });
    items.push(...found.items);
    calls += 1;
    scanned += found.scanned;
    expect(found.done).toBe(found.cursor === null);
    if (found.cursor === null) return { ids: items.map(({ id }) => id).toSorted(), calls, scanned };
    cursor = found.cursor;
  }
}

describe.each(ENGINES)("many servers on %s", (engine) => {
  async function open(): Promise<(options?: SessionsOptions) => Sessions> {
    const { store, clock } = await bench.open(engine);
    return (options = {}) => createSessions({ store, clock, secrets: [TEST_SECRET], log: () => undefined, ...options });
  }

  test("find answers what fits every filter, each once, whatever the limit", async () => {
    const server = await open();
    const [web1, web2] = [server({ serverId: "web-1" }), server({ serverId: "web-2" })];
    const made: Record<string, string[]> = { home: [], away: [], sensitive: [], anonymous: [] };
    for (let i = 0; i < 12; i++) {
      const home = await web1.create({ userId: `user-${i % 5}`, device: { ip: `203.0.113.${i}` } });
      const away = await web2.create({ userId: "ada", device: { ip: "2001:db8::1" } });
      const sensitive = await web1.create({ userId: "ada", policy: "sensitive" });
      const anonymous = await web2.create({});
      for (const [name, { session }] of Object.entries({ home, away, sensitive, anonymous }))
        made[name]?.push(session.id);
    }
    const ended = await web1.create({ userId: "ada", device: { ip: "203.0.113.7" } });
    await web1.revoke(ended.session.id);
    const ids = (...names: string[]): string[] => names.flatMap((name) => made[name] ?? []).toSorted();
    const expected: [FindInput, string[]][] = [
      [{}, ids("home", "away", "sensitive", "anonymous")],
      [{ serverId: "web-1" }, ids("home", "sensitive")],
      [{ policy: "sensitive" }, ids("sensitive")],
      [{ policy: "anonymous", serverId: "web-2" }, ids("anonymous")],
      [{ userId: "ada" }, ids("away", "sensitive")],
      [{ userId: "ada", serverId: "web-2" }, ids("away")],
      [{ userId: "nobody" }, []],
      [{ ip: "203.0.113.0/24" }, ids("home")],
      [{ ip: "2001:0DB8::1" }, ids("away")],
      [{ ip: "::ffff:203.0.113.3" }, made["home"]?.slice(3, 4) ?? []],
      [{ serverId: "web-3" }, []],
    ];
    for (const [filter, wanted] of expected) {
      for (const limit of [1, 5, 1_000]) {
        const { ids: found, calls } = await findAll(web1, { ...filter, limit });
        expect(found).toEqual(wanted);
        expect(calls).toBeLessThanOrEqual(Math.floor(wanted.length / limit) + 1);
      }
    }
    const { items, cursor } = await web2.find({ serverId: "web-1", limit: 3 });
    expect([items.length, typeof cursor]).toEqual([3, "string"]);
  });

  test("find refuses what is no filter, limit or cursor", async () => {
    const sessions = (await open())();
    await sessions.create({ userId: "ada" });
    const wrong: unknown[] = [
      { limit: 0 },
      { limit: 1_001 },
      { limit: 1.5 },
      { ip: "home" },
      { userId: 7 },
      { cursor: 7 },
      { cursor: "x" },
      { user: "ada" },
    ];
    for (const input of wrong) await expect(sessions.find(input as FindInput)).rejects.toThrow(TypeError);
  });

  test("F2 migrate brings back nothing that has ended, and refuses what is no server", async () => {
    const server = await open();
    const sessions = server();
    const { session } = await sessions.create({ userId: "ada" });
    const racing = [
      sessions.migrate(session.id, "web-2"),
      server().revoke(session.id),
      server().migrate(session.id, "web-3"),
    ];
    await Promise.all(racing);
    expect(await sessions.get(session.id)).toBeNull();
    expect(await sessions.migrate("no id", "web-2")).toBe(false);
    for (const wrong of ["", "x".repeat(129), 7, null]) {
      await expect(sessions.migrate(session.id, wrong as string)).rejects.toThrow(TypeError);
      await expect(sessions.drain("web-1", wrong as string)).rejects.toThrow(TypeError);
    }
    await expect(sessions.drain("web-1", "web-1")).rejects.toThrow(TypeError);
  });

  test("two drains to different servers at once move each session once", async () => {
    const server = await open();
    const web1 = server({ serverId: "web-1" });
    await Promise.all(Array.from({ length: 60 }, () => web1.create({ userId: "ada" })));
    const [a, b] = await Promise.all([server().drain("web-1", "web-2"), server().drain("web-1", "web-3")]);
    const on = async (serverId: string): Promise<number> => (await findAll(web1, { serverId })).ids.length;
    expect(a.moved + b.moved).toBe(60);
    expect([await on("web-1"), await on("web-2"), await on("web-3")]).toEqual([0, a.moved, b.moved]);
  });

  test("a drain of a server that has no sessions looks at all and moves none", async () => {
    const server = await open();
    await server({ serverId: "web-1" }).create({});
    expect(await server().drain("web-9", "web-1")).toEqual({ moved: 0, scanned: 1, cursor: null, done: true });
  });
});
