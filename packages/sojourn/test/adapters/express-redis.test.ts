/** The adapter on a real Redis: what each kind of request costs, counted by the server itself. */

import { inspect } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSessions } from "../../src/create-sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { COOKIE, OTHER_SECRET, type Site, startSite, tokenIn } from "../support/express-site.ts";
import { begin, Browser, replyOf, send } from "../support/http.ts";
import { type RedisServer, startRedis, type TestClient } from "../support/redis-server.ts";

let server: RedisServer;
let client: TestClient;
let operator: TestClient;

beforeAll(async () => {
  // Uncompressed, so that DUMP shows the values as they are.
  server = await startRedis(["--rdbcompression", "no"]);
  [client, operator] = [await server.client(), await server.admin()];
});
beforeEach(() => operator.flushAll());
afterAll(() => server.stop());

function site(): Promise<Site> {
  const store = redisStore(client, { deadline: { readMs: 5_000, writeMs: 5_000 } });
  return startSite({
    sessions: { store },
    routes: (app) => {
      app.post("/both", async (req, res) => {
        await Promise.all([req.session.set("a", 1), req.session.set("b", 2), req.session.increment("n")]);
        res.json(req.session.data);
      });
      app.post("/stream", async (req, res) => {
        await req.session.set("a", 1);
        res.write("stored");
        await sleep(50);
        res.end();
      });
    },
  });
}

/** Commands that the server counted during the work. */
async function commandsOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
  await operator.configResetStat();
  await work();
  const stats = await operator.info("commandstats");
  const counts = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(
    ([, name, calls]) => [name ?? "", Number(calls)] as const,
  );
  return Object.fromEntries(counts.filter(([name]) => name !== "config|resetstat" && name !== "info"));
}

/**
 * Commands that clients sent during the work, in their order; MONITOR marks those of scripts `lua`. Without the fetch of
 * cut-offs: the first read of a second has it, whichever that is.
 */
async function monitored(work: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const watcher = await server.admin();
  await watcher.monitor((line) => lines.push(line));
  await work();
  await operator.ping();
  while (!lines.some((line) => line.includes('"PING"'))) await sleep(2);
  watcher.destroy();
  const own = lines.filter((line) => !/ "GET" "[^"]+:k"/i.test(line));
  const words = own.flatMap((line) => /\[\d+ (?!lua)[^\]]*\] "([^"]+)"/.exec(line)?.[1]?.toUpperCase() ?? []);
  return words.filter((word) => word !== "PING");
}

describe("M2: commands asked of Redis", () => {
  test("anonymous, forged, foreign and duplicate: none", async () => {
    const { origin } = await site();
    const { token } = await createSessions({ store: memoryStore(), secrets: [OTHER_SECRET] }).create();
    const cookies = [undefined, `${COOKIE}=x`, `${COOKIE}=${token}`, `${COOKIE}=${token}; ${COOKIE}=${token}`];
    const commands = await commandsOf(async () => {
      for (const cookie of cookies) {
        const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie };
        await send(`${origin}/look`, { headers });
        await send(`${origin}/logout`, { method: "POST", headers: { ...headers, "Sec-Fetch-Site": "same-origin" } });
        await send(`${origin}/set`, { method: "POST", headers: { ...headers, "Sec-Fetch-Site": "cross-site" } });
      }
    });
    expect(commands).toEqual({});
    expect(await operator.dbSize()).toBe(1);
  });

  test("a live session: one GET", async () => {
    const { origin } = await site();
    const user = new Browser(origin);
    await user.post("/login");
    expect(await monitored(() => user.get("/look"))).toEqual(["GET"]);
  });

  test("a session that ended: two GETs, and its cookie is removed", async () => {
    const { origin, sessions } = await site();
    const user = new Browser(origin);
    await user.post("/login");
    await sessions.revokeUser("ada");
    expect(await monitored(() => user.get("/look"))).toEqual(["GET", "GET"]);
    expect(user.cookies.size).toBe(0);
  });

  test("an anonymous session whose cookie comes back: one GET, and the first time one script", async () => {
    const { origin } = await site();
    const visitor = new Browser(origin);
    await visitor.post("/set", { x: 0 });
    expect(await monitored(() => visitor.get("/look"))).toEqual(["GET", "EVALSHA"]);
    expect(await monitored(() => visitor.get("/look"))).toEqual(["GET"]);
  });

  test("writes of one tick to a live session: one GET and one script", async () => {
    const { origin } = await site();
    const user = new Browser(origin);
    await user.post("/set", { x: 0 });
    await user.get("/look");
    expect(await monitored(() => user.post("/both"))).toEqual(["GET", "EVALSHA"]);
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ data: { x: 0, a: 1, b: 2, n: 1 } });
  });

  test("first writes at the same time: one create, one write, one session, one cookie", async () => {
    const { origin, sessions } = await site();
    const visitor = new Browser(origin);
    let cookies: readonly string[] = [];
    const commands = await monitored(async () => ({ setCookies: cookies } = await visitor.post("/both")));
    expect(commands).toEqual(["EVALSHA", "EVALSHA"]);
    expect(cookies).toHaveLength(1);
    expect(await sessions.count()).toBe(1);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1, b: 2, n: 1 } });
  });

  test("logout: the GET of the request and one script; a login: one script, with keep at most one GET and two", async () => {
    const { origin } = await site();
    const user = new Browser(origin);
    expect(await monitored(() => user.post("/login"))).toEqual(["EVALSHA"]);
    expect(await monitored(() => user.post("/logout"))).toEqual(["GET", "EVALSHA"]);
    await user.post("/set", { cart: [1] });
    await user.get("/look");
    // The first GET is the middleware's own reading of the request's session.
    expect(await monitored(() => user.post("/login", { keep: ["cart"] }))).toEqual([
      "GET",
      "GET",
      "EVALSHA",
      "EVALSHA",
    ]);
    expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ userId: "ada", data: { cart: [1] } });
  });
});

describe("on Redis", () => {
  test("an awaited write is stored before the response ends", async () => {
    const { origin } = await site();
    const visitor = new Browser(origin);
    const first = await begin(`${origin}/stream`, { method: "POST" });
    visitor.take({ setCookies: first.headers["set-cookie"] ?? [] });
    expect(first.complete).toBe(false);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ data: { a: 1 } });
    expect((await replyOf(first)).body).toBe("stored");
  });

  test("F1: two servers: logged in at one is logged in at the other, and logged out likewise, at once", async () => {
    const [first, second] = [await site(), await site()];
    const user = new Browser(first.origin);
    await user.post("/login");
    const elsewhere = new Browser(second.origin, user.cookies);
    expect(JSON.parse((await elsewhere.get("/look")).body)).toMatchObject({ userId: "ada" });
    await user.post("/logout");
    expect(JSON.parse((await elsewhere.get("/look")).body)).toMatchObject({ active: false });
  });

  test("L2: no 12-character piece of secret or MAC is in any key, value or command", async () => {
    const { origin } = await site();
    const user = new Browser(origin);
    const seen: string[] = [];
    const watcher = await server.admin();
    await watcher.monitor((line) => seen.push(line));
    const tokens: string[] = [];
    for (const [path, data] of [
      ["/set", { cart: [1] }],
      ["/login", { keep: ["cart"] }],
      ["/login", {}],
    ] as const) {
      const [cookie] = (await user.post(path, data)).setCookies;
      tokens.push(tokenIn(cookie));
    }
    await user.get("/look");
    await user.post("/logout");
    for (const key of await operator.keys("*"))
      seen.push(key, inspect(await operator.sendCommand(["DUMP", key]), { maxStringLength: null }));
    watcher.destroy();
    const all = seen.join("\n");
    expect(all).toContain(tokens.at(-1)?.slice(1, 25));
    const pieces = tokens.flatMap((token) =>
      Array.from({ length: 93 - 28 - 11 }, (_, at) => token.slice(28 + at, 40 + at)),
    );
    expect(pieces.filter((piece) => all.includes(piece))).toEqual([]);
  });
});
