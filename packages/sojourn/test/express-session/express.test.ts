/** The real express-session over HTTP on every engine: its readme's flows, races between requests, and what a request costs. */

import { describe, expect } from "vitest";
import { SojournStore } from "../../src/adapters/express-session.ts";
import { createSessions, type Sessions } from "../../src/index.ts";
import { onEveryEngine, onRedis } from "../brief/engines.ts";
import { expressSite, type ForeignSite, Gate } from "../support/express-session-site.ts";
import { isCutOffFetch, Monitor } from "../support/monitor.ts";
import { IOREDIS } from "../support/redis-clients.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const site = (sessions: Sessions, options?: object): Promise<ForeignSite> =>
  expressSite(new SojournStore({ sessions }), options);
const read = (reply: { body: string }): Record<string, unknown> => JSON.parse(reply.body) as Record<string, unknown>;

describe("flows", () => {
  onEveryEngine("a session is stored, loaded, changed and destroyed, on two servers", async (place) => {
    const [one, two] = [await site(place.sessions), await site(place.server())];
    const ada = one.browser();
    expect((await ada.get("/look")).setCookies).toEqual([]);
    await ada.post("/set/a/1");
    expect([...ada.cookies.keys()]).toEqual(["connect.sid"]);
    const there = two.browser(ada);
    expect(read(await there.post("/set/b/2"))).toMatchObject({ a: "1", b: "2" });
    expect(read(await there.post("/delete/a"))).toMatchObject({ b: "2" });
    const seen = read(await ada.get("/look"));
    expect(seen).toEqual({
      b: "2",
      cookie: expect.objectContaining({ originalMaxAge: 60_000, path: "/", httpOnly: true }),
    });
    expect(read(await ada.post("/logout"))).toEqual({ session: "undefined" });
    expect(Object.keys(read(await there.get("/look")))).toEqual(["cookie"]);
  });

  onEveryEngine(
    "login as express-session's readme has it: regenerate, save, redirect; the old id is of no use",
    async (place) => {
      const shop = await site(place.sessions);
      const ada = shop.browser();
      await ada.post("/set/cart/full");
      const before = ada.copy();
      const login = await ada.post("/login/ada");
      expect([login.status, login.headers["location"]]).toEqual([302, "/look"]);
      expect(ada.cookies).not.toEqual(before.cookies);
      expect(Object.keys(read(await ada.get("/look")))).toEqual(["cookie", "user"]);
      expect(Object.keys(read(await before.get("/look")))).toEqual(["cookie"]);
      expect(await new SojournStore({ sessions: place.sessions }).length()).toBe(1);
    },
  );

  onEveryEngine("reload reads again, and what it answers is saved like any other", async (place) => {
    const ada = (await site(place.sessions)).browser();
    await ada.post("/set/a/1");
    await ada.post("/reload");
    const seen = read(await ada.get("/look"));
    expect([seen["a"], seen["reloaded"], seen["forgotten"]]).toEqual(["1", true, undefined]);
  });

  onEveryEngine("rolling: every answer moves the cookie, and the session ends with it", async (place) => {
    const ada = (await site(place.sessions, { rolling: true })).browser();
    await ada.post("/set/a/1");
    for (let i = 0; i < 4; i++) {
      await place.clock.advance(40_000);
      const look = await ada.get("/look");
      expect([read(look)["a"], look.setCookies.length]).toEqual(["1", 1]);
    }
    await place.clock.advance(61_000);
    expect(read(await ada.get("/look"))["a"]).toBeUndefined();
  });

  onEveryEngine("a lifetime that a request sets is the session's", async (place) => {
    const ada = (await site(place.sessions)).browser();
    await ada.post("/set/a/1");
    await ada.post(`/lifetime/${30 * 86_400_000}`);
    await place.clock.advance(20 * 86_400_000);
    expect(read(await ada.get("/look"))["a"]).toBe("1");
    await ada.post("/lifetime/5000");
    await place.clock.advance(5_500);
    expect(read(await ada.get("/look"))["a"]).toBeUndefined();
  });

  onEveryEngine(
    "resave and saveUninitialized as they are by default: stored at once, never over another's write",
    async (place) => {
      const shop = await site(place.sessions, { resave: true, saveUninitialized: true });
      const ada = shop.browser();
      expect((await ada.get("/look")).setCookies).toHaveLength(1);
      expect(await new SojournStore({ sessions: place.sessions }).length()).toBe(1);
      const slow = ada.post("/slow/a/1");
      await shop.gate.reached;
      await ada.post("/set/b/2");
      shop.gate.open();
      await slow;
      expect(read(await ada.get("/look"))).toMatchObject({ a: "1", b: "2" });
    },
  );
});

describe("races", () => {
  onEveryEngine("parallel requests that write different fields lose none, on one server and on two", async (place) => {
    const [one, two] = [await site(place.sessions), await site(place.server())];
    const sites = [one, two];
    const ada = one.browser();
    await ada.post("/set/a/0");
    const slow = sites.map((each, i) => each.browser(ada).post(`/slow/s${i}/1`));
    await Promise.all(sites.map(({ gate }) => gate.reached));
    // Meanwhile others come and go: they load what the slow ones never saw.
    for (let i = 0; i < 5; i++) await (i % 2 === 0 ? one : two).browser(ada).post(`/set/q${i}/1`);
    await ada.post("/delete/a");
    for (const { gate } of sites) gate.open();
    await Promise.all(slow);
    const { cookie: _, ...seen } = read(await ada.get("/look"));
    expect(seen).toEqual({ s0: "1", s1: "1", q0: "1", q1: "1", q2: "1", q3: "1", q4: "1" });
  });

  onEveryEngine("F2 a slow request does not bring back a session that was destroyed meanwhile", async (place) => {
    const [one, two] = [await site(place.sessions), await site(place.server())];
    for (const slowSite of [one, two]) {
      slowSite.gate = new Gate();
      const ada = one.browser();
      await ada.post("/set/user/ada");
      const [before, there] = [ada.copy(), slowSite.browser(ada.copy())];
      const slow = there.post("/slow/a/1");
      await slowSite.gate.reached;
      await ada.post("/logout");
      slowSite.gate.open();
      expect((await slow).status).toBe(200);
      expect(Object.keys(read(await before.get("/look")))).toEqual(["cookie"]);
    }
    expect(await new SojournStore({ sessions: place.sessions }).length()).toBe(0);
  });
});

describe("cost", () => {
  onRedis(
    "commands of a request: a read 1 GET, a touch that is due 1 script more, a write 1 GET and 1 script, a new session 2 GET and 1 script",
    async (place) => {
      const opened = await IOREDIS.open(place.port);
      const sessions = createSessions({
        store: place.storeOn(opened.client),
        secrets: [TEST_SECRET],
        clock: place.clock,
      });
      const monitor = await Monitor.on(place.port);
      const commands = async (work: () => Promise<unknown>): Promise<string> => {
        await monitor.taken((text) => place.command("ECHO", text));
        await work();
        const all = await monitor.taken((text) => place.command("ECHO", text));
        const own = all.filter((each) => each.fromClient && !isCutOffFetch(each));
        return own.map(({ words }) => words[0]?.toUpperCase()).join(" ");
      };
      for (const on of [place.sessions, sessions]) {
        const ada = (await site(on)).browser();
        // Scripts are loaded by their first use.
        const other = (await site(on)).browser();
        await other.post("/set/a/1");
        await other.post("/set/b/1");
        await other.post("/lifetime/90000");
        await other.post("/logout");
        expect(await commands(() => ada.get("/look"))).toBe("");
        // Of a new id, that there is neither a session nor the tombstone of one.
        expect(await commands(() => ada.post("/set/a/1"))).toBe("GET GET EVALSHA");
        expect(await commands(() => ada.get("/look"))).toBe("GET");
        expect(await commands(() => ada.get("/look"))).toBe("GET");
        expect(await commands(() => ada.post("/set/b/1"))).toBe("GET EVALSHA");
        await place.clock.advance(10_000);
        expect(await commands(() => ada.get("/look"))).toBe("GET EVALSHA");
        expect(await commands(() => ada.post("/login/ada"))).toBe("GET EVALSHA GET GET EVALSHA");
        expect(await commands(() => ada.post("/logout"))).toBe("GET EVALSHA");
      }
      monitor.stop();
      await sessions.close();
      opened.close();
    },
  );
});
