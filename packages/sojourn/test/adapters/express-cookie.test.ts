/** The session cookie as it leaves the server: attributes, lifetime, plain http, proxies. */

import { describe, expect, onTestFinished, test, vi } from "vitest";
import { sojourn as expressSessions } from "../../src/adapters/express.ts";
import { sojourn as fastifySessions } from "../../src/adapters/fastify.ts";
import { sojourn as fetchSessions } from "../../src/adapters/fetch.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { ConfigError } from "../../src/errors.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, SECRET, type SiteOptions, startSite } from "../support/express-site.ts";
import { send } from "../support/http.ts";

const HTTPS = { "X-Forwarded-Proto": "https" };
const trusting: SiteOptions = { before: (app) => app.set("trust proxy", 1) };
const TOKEN = "[A-Za-z0-9_-]{93}";

async function loginCookie(
  options: SiteOptions,
  body: object = {},
  headers: Record<string, string> = {},
): Promise<string> {
  const site = await startSite(options);
  const reply = await send(`${site.origin}/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  expect(reply.setCookies).toHaveLength(1);
  return reply.setCookies[0] ?? "";
}

test("is a list only beside others: Node has another way for lists, and all later responses would pay for it", async () => {
  const given: unknown[] = [];
  const site = await startSite({
    before: (app) => {
      app.use((req, res, next) => {
        if (req.query["beside"] !== undefined) res.cookie("theme", "dark");
        res.once("finish", () => given.push(res.getHeader("Set-Cookie")));
        next();
      });
    },
  });
  for (const query of ["", "?beside"]) await send(`${site.origin}/login${query}`, { method: "POST" });
  expect(given).toEqual([
    expect.stringMatching(/^__Host-Http-sid=/),
    ["theme=dark; Path=/", expect.stringMatching(/^__Host-Http-sid=/)],
  ]);
});

describe("B1, B3, B4, B5: attributes", () => {
  test("by default", async () => {
    expect(await loginCookie(trusting, {}, HTTPS)).toMatch(
      new RegExp(`^__Host-Http-sid=${TOKEN}; Path=/; HttpOnly; Secure; SameSite=Lax$`),
    );
  });

  test("of an anonymous session the same", async () => {
    const site = await startSite(trusting);
    const reply = await site.browser().post("/set", { a: 1 });
    expect(reply.setCookies[0]).toMatch(
      new RegExp(`^__Host-Http-sid=${TOKEN}; Path=/; HttpOnly; Secure; SameSite=Lax$`),
    );
  });

  test.each([
    [{ sameSite: "strict" }, "__Host-Http-sid", "Path=/; HttpOnly; Secure; SameSite=Strict"],
    [{ sameSite: "none" }, "__Host-Http-sid", "Path=/; HttpOnly; Secure; SameSite=None"],
    [{ domain: "shop.example" }, "__Secure-sid", "Domain=shop.example; Path=/; HttpOnly; Secure; SameSite=Lax"],
    [{ name: "__Secure-app", path: "/app" }, "__Secure-app", "Path=/app; HttpOnly; Secure; SameSite=Lax"],
  ] as const)("with %j, set and removed", async (cookie, name, attributes) => {
    const site = await startSite({ ...trusting, sessions: { cookie } });
    const visitor = site.browser();
    const login = await visitor.post("/login");
    expect(login.setCookies[0]).toMatch(new RegExp(`^${name}=${TOKEN}; ${attributes}$`));
    const logout = await visitor.post("/logout");
    const flags = attributes.replace(/Path=[^;]*/, "$&; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
    expect(logout.setCookies).toEqual([`${name}=; Max-Age=0; ${flags}`]);
  });

  test("B2, B9: contradictory or dangerous options are refused at start", () => {
    const wrong = [
      { secure: false },
      { domain: "a.example", name: COOKIE },
      { name: "a=b" },
      { name: "a;b" },
      { path: "/;x" },
      { domain: "a\r\nb" },
    ];
    for (const cookie of wrong) {
      expect(() => createSessions({ store: memoryStore(), secrets: [SECRET], cookie }), JSON.stringify(cookie)).toThrow(
        ConfigError,
      );
    }
  });
});

describe("B6: lifetime", () => {
  test.each(["normal", "sensitive", "temporary"])("a cookie of the policy %s ends with the browser", async (policy) => {
    expect(await loginCookie({}, { policy })).not.toMatch(/Max-Age|Expires/i);
  });

  test("rememberMe outlives the browser, but not the session's absolute timeout", async () => {
    const seconds = Number(/; Max-Age=(\d+);/.exec(await loginCookie({}, { policy: "rememberMe" }))?.[1]);
    expect(seconds).toBeLessThanOrEqual(90 * 86_400);
    expect(seconds).toBeGreaterThan(90 * 86_400 - 60);
  });

  test("never more than 400 days", async () => {
    const policies = { forever: { idle: "900d", absolute: "900d", persistent: true } } as const;
    expect(await loginCookie({ sessions: { policies } }, { policy: "forever" })).toContain("; Max-Age=34560000;");
  });
});

describe("B2: plain http and proxies", () => {
  test("X-Forwarded-Proto is believed only with trust proxy", async () => {
    const [trusted, untrusted] = [await startSite(trusting), await startSite()];
    await send(`${trusted.origin}/login`, { method: "POST", headers: HTTPS });
    expect(trusted.log).toEqual([]);
    await send(`${untrusted.origin}/login`, { method: "POST", headers: HTTPS });
    expect(untrusted.log).toHaveLength(1);
  });

  test("a Secure cookie on plain http: still Secure, and one warning that names the proxy setting", async () => {
    const site = await startSite();
    for (let i = 0; i < 3; i++) {
      const reply = await send(`${site.origin}/login`, { method: "POST" });
      expect(reply.setCookies[0]).toMatch(/^__Host-Http-sid=.*; Secure/);
    }
    expect(site.log).toHaveLength(1);
    expect(site.log[0]).toContain("trust proxy");
  });

  test("a visitor who gets no cookie causes no warning", async () => {
    const site = await startSite();
    await send(`${site.origin}/look`);
    expect(site.log).toEqual([]);
  });

  test("X-Forwarded-For names the device's address only with trust proxy", async () => {
    const headers = { "X-Forwarded-For": "203.0.113.7", "User-Agent": "Test/1" };
    const [trusted, untrusted] = [await startSite(trusting), await startSite()];
    await send(`${trusted.origin}/login`, { method: "POST", headers });
    await send(`${untrusted.origin}/login`, { method: "POST", headers });
    expect((await trusted.sessions.list("ada"))[0]?.device.ip).toBe("203.0.113.7");
    expect((await untrusted.sessions.list("ada"))[0]?.device.ip).toBe("127.0.0.1");
  });
});

describe("what no option may weaken", () => {
  test("B2 development is refused where NODE_ENV is production", () => {
    vi.stubEnv("NODE_ENV", "production");
    onTestFinished(() => void vi.unstubAllEnvs());
    const opened = (development: boolean) => () =>
      createSessions({ development, store: memoryStore(), secrets: [SECRET] });
    expect(opened(true)).toThrow(expect.objectContaining({ code: "config_invalid" }));
    expect(opened(true)).toThrow(/NODE_ENV/);
    expect(opened(false)).not.toThrow();
  });

  test("B4 SameSite=None without the origin check is refused, by every adapter", () => {
    const sessions = createSessions({ store: memoryStore(), secrets: [SECRET], cookie: { sameSite: "none" } });
    for (const adapter of [expressSessions, fastifySessions, fetchSessions]) {
      expect(() => adapter(sessions, { originCheck: false })).toThrow(
        expect.objectContaining({ code: "config_invalid" }),
      );
      expect(() => adapter(sessions, { origins: ["https://app.example.com"] })).not.toThrow();
      expect(() => adapter(sessions)).not.toThrow();
    }
    const lax = createSessions({ store: memoryStore(), secrets: [SECRET] });
    expect(() => expressSessions(lax, { originCheck: false })).not.toThrow();
  });
});

describe("in development", () => {
  const development: SiteOptions = { sessions: { development: true, store: memoryStore({ namespace: "shop" }) } };

  test("on plain http the cookie is sid-<namespace> without Secure, said once, and it logs in", async () => {
    const site = await startSite(development);
    const visitor = site.browser();
    const reply = await visitor.post("/login");
    expect(reply.setCookies[0]).toMatch(new RegExp(`^sid-shop=${TOKEN}; Path=/; HttpOnly; SameSite=Lax$`));
    await visitor.post("/login");
    expect(site.log).toEqual(["sojourn: development: on plain http the session cookie is sid-shop, without Secure"]);
    expect(JSON.parse((await visitor.get("/look")).body)).toMatchObject({ userId: "ada" });
    const logout = await visitor.post("/logout");
    expect(logout.setCookies).toEqual([
      "sid-shop=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
    ]);
  });

  test("on https it is the production cookie", async () => {
    const cookie = await loginCookie({ ...development, ...trusting }, {}, HTTPS);
    expect(cookie).toMatch(new RegExp(`^${COOKIE}=${TOKEN}; Path=/; HttpOnly; Secure; SameSite=Lax$`));
  });

  test("outside development the development cookie is not read", async () => {
    const site = await startSite();
    const { token } = await site.sessions.create({ userId: "ada" });
    site.store.calls.length = 0;
    const reply = await send(`${site.origin}/look`, { headers: { Cookie: `sid-sojourn=${token}` } });
    expect(JSON.parse(reply.body)).toMatchObject({ active: false });
    expect(site.store.calls).toEqual([]);
  });
});
