/** The real better-auth on `secondaryStorage(sessions)`: its own flows, and what holds when requests race. */

import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { describe, expect } from "vitest";
import { type SecondaryStorage, secondaryStorage } from "../src/adapters/better-auth.ts";
import { WrongKindError } from "../src/errors.ts";
import type { Sessions } from "../src/index.ts";
import { onDurableEngines, onEveryEngine } from "./brief/engines.ts";
import { Browser } from "./support/http.ts";
import { OLDER_SECRET } from "./support/secrets.ts";
import { Gate } from "./support/express-session-site.ts";

const ORIGIN = "http://localhost:3000";
const ADA = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}
type Ask = (browser: Browser, method: "GET" | "POST", path: string, data?: object) => Promise<Answer>;

/** better-auth with its users in memory, asked as over HTTP. */
function site(storage: SecondaryStorage, more: object = {}): Ask {
  const auth = betterAuth({
    baseURL: ORIGIN,
    secret: OLDER_SECRET,
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    secondaryStorage: storage,
    telemetry: { enabled: false },
    logger: { disabled: true },
    ...more,
  });
  return async (browser, method, path, data) => {
    const headers = {
      Origin: ORIGIN,
      Cookie: browser.cookieHeader,
      "Content-Type": "application/json",
      "X-Forwarded-For": "203.0.113.7",
    };
    const init = method === "GET" ? { method, headers } : { method, headers, body: JSON.stringify(data ?? {}) };
    const response = await auth.handler(new Request(`${ORIGIN}/api/auth${path}`, init));
    browser.take({ setCookies: response.headers.getSetCookie() });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
  };
}

const ofSessions = (sessions: Sessions, more?: object): Ask => site(secondaryStorage(sessions), more);

async function signedIn(ask: Ask): Promise<Browser> {
  const browser = new Browser(ORIGIN);
  expect((await ask(browser, "POST", "/sign-in/email", ADA)).status).toBe(200);
  return browser;
}

async function userOf(ask: Ask, browser: Browser): Promise<string | undefined> {
  const { body } = await ask(browser, "GET", "/get-session");
  return (body as { user?: { email: string } } | null)?.user?.email;
}

async function listed(ask: Ask, browser: Browser): Promise<string[]> {
  const { body } = await ask(browser, "GET", "/list-sessions");
  return (body as { token: string }[]).map(({ token }) => token);
}

describe("the functions of secondaryStorage", () => {
  onEveryEngine("get, set and delete of texts, for so many seconds, on two servers", async (place) => {
    const [one, two] = [secondaryStorage(place.sessions), secondaryStorage(place.server())];
    expect(await one.get("key")).toBeNull();
    await one.set("key", "first, é", 60);
    expect(await two.get("key")).toBe("first, é");
    for (const text of ["", "007", "-1", '{"a":1}', "12"]) {
      await two.set("key", text, 60);
      expect(await one.get("key")).toBe(text);
    }
    await one.delete("key");
    expect(await two.get("key")).toBeNull();
    await one.delete("key");
    await two.set("key", "again", 60);
    expect(await one.get("key")).toBe("again");
    await one.set("for long", "long");
    await one.set("fraction", "short", 0.5);
    await place.clock.advance(61_000);
    expect([await one.get("key"), await one.get("fraction"), await two.get("for long")]).toEqual([null, null, "long"]);
    await one.set("for long", "none", 0);
    expect(await two.get("for long")).toBeNull();
  });

  onEveryEngine("getAndDelete answers one of many, increment counts every one and keeps its time", async (place) => {
    const [one, two] = [secondaryStorage(place.sessions), secondaryStorage(place.server())];
    const both = [one, two, one, two, one, two];
    await one.set("once", "only", 60);
    const taken = await Promise.all(both.map((each) => each.getAndDelete("once")));
    expect(taken.filter((value) => value !== null)).toEqual(["only"]);
    const sums = await Promise.all(both.map((each) => each.increment("count", 60)));
    expect(sums.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await two.get("count")).toBe("6");
    await place.clock.advance(40_000);
    expect(await one.increment("count", 60)).toBe(7);
    await place.clock.advance(21_000);
    expect(await two.increment("count", 60)).toBe(1);
    await one.set("text", "seven", 60);
    await expect(one.increment("text", 60)).rejects.toBeInstanceOf(WrongKindError);
  });

  onDurableEngines("neither keys nor texts lie readable in the store", async (place) => {
    const storage = secondaryStorage(place.sessions);
    await storage.set("active-sessions-of-this-test", "a text of this test", 60);
    const dump = await place.dump();
    for (const piece of ["active-sessions-of-this-test", "a text of this test"])
      expect(dump.includes(piece)).toBe(false);
    expect(
      await secondaryStorage(place.server({ secrets: [OLDER_SECRET] })).get("active-sessions-of-this-test"),
    ).toBeNull();
  });
});

describe("better-auth", () => {
  onEveryEngine("sign-up, sign-in, get session, list, revoke, revoke others, sign-out", async ({ sessions }) => {
    const ask = ofSessions(sessions);
    const first = new Browser(ORIGIN);
    expect((await ask(first, "POST", "/sign-up/email", ADA)).status).toBe(200);
    expect(await userOf(ask, first)).toBe(ADA.email);
    const [second, third, fourth] = [await signedIn(ask), await signedIn(ask), await signedIn(ask)];
    const tokens = await listed(ask, second);
    expect([tokens.length, new Set(tokens).size]).toEqual([4, 4]);
    const tokenOf = async (browser: Browser): Promise<string> =>
      ((await ask(browser, "GET", "/get-session")).body as { session: { token: string } }).session.token;
    expect((await ask(second, "POST", "/revoke-session", { token: await tokenOf(third) })).status).toBe(200);
    expect(await Promise.all([first, second, third, fourth].map((each) => userOf(ask, each)))).toEqual([
      ADA.email,
      ADA.email,
      undefined,
      ADA.email,
    ]);
    expect(await listed(ask, second)).toHaveLength(3);
    expect((await ask(second, "POST", "/revoke-other-sessions")).status).toBe(200);
    expect(await Promise.all([first, second, fourth].map((each) => userOf(ask, each)))).toEqual([
      undefined,
      ADA.email,
      undefined,
    ]);
    const copy = second.copy();
    expect((await ask(second, "POST", "/sign-out")).status).toBe(200);
    expect(await userOf(ask, copy)).toBeUndefined();
    const wrong = { ...ADA, password: "another" };
    expect((await ask(new Browser(ORIGIN), "POST", "/sign-in/email", wrong)).status).toBe(401);
  });

  onEveryEngine("a session ends with its time, and is refreshed by use", async ({ sessions, clock }) => {
    const ask = ofSessions(sessions, { session: { expiresIn: 600, updateAge: 0 } });
    const browser = new Browser(ORIGIN);
    await ask(browser, "POST", "/sign-up/email", ADA);
    await clock.advance(500_000);
    expect(await userOf(ask, browser)).toBe(ADA.email);
    await clock.advance(500_000);
    expect(await userOf(ask, browser)).toBe(ADA.email);
    await clock.advance(601_000);
    expect(await userOf(ask, browser)).toBeUndefined();
  });

  onEveryEngine("F2 a refresh that is under way does not bring back a session that was signed out", async (place) => {
    const [inner, gate] = [secondaryStorage(place.sessions), new Gate()];
    let isHeld = false;
    const held: SecondaryStorage = {
      ...inner,
      set: async (key, value, ttl) => {
        if (isHeld && value.includes(`"token":"${key}"`)) await gate.pass();
        await inner.set(key, value, ttl);
      },
    };
    const ask = site(held, { session: { updateAge: 0 } });
    const browser = new Browser(ORIGIN);
    await ask(browser, "POST", "/sign-up/email", ADA);
    const copy = browser.copy();
    isHeld = true;
    const refresh = userOf(ask, browser.copy());
    await gate.reached;
    await ask(browser, "POST", "/sign-out");
    gate.open();
    isHeld = false;
    await refresh;
    expect(await userOf(ask, copy)).toBeUndefined();
  });

  onEveryEngine("rate limits are counted in the store, on two servers together", async (place) => {
    const rateLimit = { enabled: true, storage: "secondary-storage", window: 60, max: 3 };
    const advanced = { ipAddress: { ipAddressHeaders: ["x-forwarded-for"] } };
    const servers = [place.sessions, place.server()].map((each) => ofSessions(each, { rateLimit, advanced }));
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) {
      const answer = await servers[i % 2]?.(new Browser(ORIGIN), "GET", "/get-session");
      statuses.push(answer?.status ?? 0);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });
});
