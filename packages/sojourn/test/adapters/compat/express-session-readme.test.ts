/**
 * What the readme of express-session 1.19 says of its middleware, each title one of its sentences.
 * docs/reference/express-session.md lists them.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { CompatCookie, type CompatCookieOptions } from "../../../src/adapters/compat/cookie.ts";
import { type CompatSite, type CompatSiteOptions, compatSite, type LegacyHandler } from "../../support/compat-site.ts";

const HOUR = 3_600_000;
const HTTPS = { "X-Forwarded-Proto": "https" };

const write: LegacyHandler = (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1;
  res.json({ views: req.session.views, id: req.sessionID });
};

interface Extra {
  readonly routes?: CompatSiteOptions["routes"];
  readonly trustProxy?: boolean;
}

function siteWith(options: NonNullable<CompatSiteOptions["options"]>, { routes, trustProxy = false }: Extra = {}) {
  return compatSite({
    options,
    routes: { "/write": write, ...routes },
    before: (app) => void app.set("trust proxy", trustProxy),
  });
}

/** The attributes of the cookie that a first write sets. */
async function attributesWith(cookie: CompatCookieOptions, headers: Readonly<Record<string, string>> = {}) {
  const site = await siteWith({ cookie }, { trustProxy: true });
  const { setCookies } = await site.browser().get("/write", headers);
  return setCookies[0]?.split("; ").slice(1) ?? null;
}

/** Milliseconds until the cookie expires; NaN if it ends with the browser. */
function lifeOf(setCookie: string | undefined, site: CompatSite): number {
  const text = /Expires=([^;]+)/.exec(setCookie ?? "")?.[1];
  return text === undefined ? Number.NaN : Date.parse(text) - site.clock.now();
}

function expectAbout(actual: number, expected: number): void {
  expect(actual).toBeGreaterThan(expected - 5_000);
  expect(actual).toBeLessThanOrEqual(expected + 1_000);
}

const look = async (browser: { get(path: string): Promise<{ body: string }> }): Promise<Record<string, unknown>> =>
  JSON.parse((await browser.get("/look")).body || "null") as Record<string, unknown>;

describe("session(options)", () => {
  test("Session data is _not_ saved in the cookie itself, just the session ID. Session data is stored server-side.", async () => {
    const site = await siteWith(
      {},
      { routes: { "/secret": (req, res) => res.json((req.session["pin"] = "hidden-1234")) } },
    );
    const visitor = site.browser();
    const { setCookies } = await visitor.get("/secret");
    expect(setCookies.join()).not.toContain("hidden");
    expect(await look(visitor)).toMatchObject({ pin: "hidden-1234" });
    expect(await site.sessions.count()).toBe(1);
  });

  test("This module now directly reads and writes cookies on `req`/`res`.", async () => {
    const both: LegacyHandler = (req, res, next) => write(req, res.cookie("other", "1"), next);
    const site = await siteWith({}, { routes: { "/both": both } });
    const visitor = site.browser();
    expect((await visitor.get("/both")).setCookies).toHaveLength(2);
    expect(await look(visitor)).toMatchObject({ views: 1 });
  });
});

describe("cookie", () => {
  test("The default value is `{ path: '/', httpOnly: true, secure: false, maxAge: null }`.", async () => {
    const site = await siteWith({});
    const visitor = site.browser();
    const { setCookies } = await visitor.get("/write");
    expect(setCookies).toEqual([expect.stringMatching(/^connect\.sid=[^;]+; Path=\/; HttpOnly$/)]);
    expect((await look(visitor))["cookie"]).toMatchObject({ path: "/", httpOnly: true, originalMaxAge: null });
  });

  test("you can also pass a callback function to dynamically generate the cookie options for each request. The callback receives the `req` object as its argument and should return an object containing the cookie settings.", async () => {
    const cookie = (req: { url: string }): CompatCookieOptions => ({
      path: `/${req.url.split("/")[1]}`,
      maxAge: 60_000,
    });
    const site = await siteWith({ cookie }, { routes: { "/shop/a": write } });
    const { setCookies } = await site.browser().get("/shop/a");
    expect(setCookies[0]).toContain("Path=/shop;");
    expectAbout(lifeOf(setCookies[0], site), 60_000);
  });

  test("cookie.domain: Specifies the value for the `Domain` `Set-Cookie` attribute. By default, no domain is set", async () => {
    expect(await attributesWith({ domain: "example.com" })).toContain("Domain=example.com");
    expect((await attributesWith({}))?.join()).not.toContain("Domain");
  });

  test("cookie.expires: Specifies the `Date` object to be the value for the `Expires` `Set-Cookie` attribute. By default, no expiration is set", async () => {
    const expires = new Date(Date.now() + HOUR);
    const site = await siteWith({ cookie: { expires } });
    expectAbout(lifeOf((await site.browser().get("/write")).setCookies[0], site), HOUR);
    expect((await attributesWith({}))?.join()).not.toContain("Expires");
  });

  test("If both `expires` and `maxAge` are set in the options, then the last one defined in the object is what is used.", () => {
    const now = (): number => 1_000_000;
    const [early, late] = [new Date(now() + 1_000), 5_000];
    expect(new CompatCookie({ expires: early, maxAge: late }, now).expires).toEqual(new Date(now() + 5_000));
    expect(new CompatCookie({ maxAge: late, expires: early }, now).expires).toEqual(early);
  });

  test("By default, the `HttpOnly` attribute is set.", async () => {
    expect(await attributesWith({})).toContain("HttpOnly");
    expect(await attributesWith({ httpOnly: true })).toContain("HttpOnly");
  });

  test("cookie.maxAge: This is done by taking the current server time and adding `maxAge` milliseconds to the value to calculate an `Expires` datetime. By default, no maximum age is set.", async () => {
    const site = await siteWith({ cookie: { maxAge: HOUR } });
    expectAbout(lifeOf((await site.browser().get("/write")).setCookies[0], site), HOUR);
  });

  test("cookie.partitioned: When truthy, the `Partitioned` attribute is set, otherwise it is not. By default, the `Partitioned` attribute is not set.", async () => {
    expect(await attributesWith({ partitioned: true })).toContain("Partitioned");
    expect(await attributesWith({})).not.toContain("Partitioned");
  });

  test("cookie.path: Specifies the value for the `Path` `Set-Cookie`. By default, this is set to `'/'`, which is the root path of the domain.", async () => {
    const site = await siteWith(
      { cookie: { path: "/write" } },
      { routes: { "/other": (req, res) => res.json(req.session === undefined) } },
    );
    expect((await site.browser().get("/write")).setCookies[0]).toContain("Path=/write;");
    expect((await site.browser().get("/other")).body).toBe("true");
  });

  test("cookie.priority: `'low'` will set the `Priority` attribute to `Low`. `'medium'` … `Medium` … `'high'` … `High`", async () => {
    expect(await attributesWith({ priority: "low" })).toContain("Priority=Low");
    expect(await attributesWith({ priority: "medium" })).toContain("Priority=Medium");
    expect(await attributesWith({ priority: "high" })).toContain("Priority=High");
  });

  test("cookie.sameSite: `true` will set the `SameSite` attribute to `Strict`; `false` will not set the `SameSite` attribute; `'lax'`, `'none'`, `'strict'`", async () => {
    expect(await attributesWith({ sameSite: true })).toContain("SameSite=Strict");
    expect((await attributesWith({ sameSite: false }))?.join()).not.toContain("SameSite");
    expect(await attributesWith({ sameSite: "lax" })).toContain("SameSite=Lax");
    expect(await attributesWith({ sameSite: "none", secure: true }, HTTPS)).toContain("SameSite=None");
    expect(await attributesWith({ sameSite: "strict" })).toContain("SameSite=Strict");
  });

  test("`'auto'` will set the `SameSite` attribute to `None` for secure connections and `Lax` for non-secure connections.", async () => {
    expect(await attributesWith({ sameSite: "auto", secure: "auto" }, HTTPS)).toContain("SameSite=None");
    expect(await attributesWith({ sameSite: "auto", secure: "auto" })).toContain("SameSite=Lax");
  });

  test('If `secure` is set, and you access your site over HTTP, the cookie will not be set. If you have your node.js behind a proxy and are using `secure: true`, you need to set "trust proxy" in express', async () => {
    expect(await attributesWith({ secure: true })).toBeNull();
    expect(await attributesWith({ secure: true }, HTTPS)).toContain("Secure");
    const site = await siteWith({ cookie: { secure: true } });
    expect((await site.browser().get("/write", HTTPS)).setCookies).toEqual([]);
    expect(site.log.join()).toContain("trust proxy");
  });

  test("The `cookie.secure` option can also be set to the special value `'auto'` to have this setting automatically match the determined security of the connection.", async () => {
    expect(await attributesWith({ secure: "auto" }, HTTPS)).toContain("Secure");
    expect(await attributesWith({ secure: "auto" })).not.toContain("Secure");
  });
});

describe("name", () => {
  test("The name of the session ID cookie to set in the response (and read from in the request). The default value is `'connect.sid'`.", async () => {
    const site = await siteWith({ name: "mine" });
    const visitor = site.browser();
    expect((await visitor.get("/write")).setCookies[0]).toMatch(/^mine=/);
    expect(await look(visitor)).toMatchObject({ views: 1 });
  });
});

describe("proxy", () => {
  const secure = { cookie: { secure: true } };

  test('`true` The "X-Forwarded-Proto" header will be used.', async () => {
    const site = await siteWith({ ...secure, proxy: true });
    expect((await site.browser().get("/write", HTTPS)).setCookies).toHaveLength(1);
    expect((await site.browser().get("/write", { "X-Forwarded-Proto": "https, http" })).setCookies).toHaveLength(1);
    expect((await site.browser().get("/write")).setCookies).toEqual([]);
  });

  test("`false` All headers are ignored and the connection is considered secure only if there is a direct TLS/SSL connection.", async () => {
    const site = await siteWith({ ...secure, proxy: false }, { trustProxy: true });
    expect((await site.browser().get("/write", HTTPS)).setCookies).toEqual([]);
  });

  test('`undefined` Uses the "trust proxy" setting from express', async () => {
    const trusting = await siteWith({ ...secure, proxy: undefined }, { trustProxy: true });
    expect((await trusting.browser().get("/write", HTTPS)).setCookies).toHaveLength(1);
    const other = await siteWith({ ...secure, proxy: undefined });
    expect((await other.browser().get("/write", HTTPS)).setCookies).toEqual([]);
  });
});

describe("rolling", () => {
  test("Force the session identifier cookie to be set on every response. The expiration is reset to the original `maxAge`, resetting the expiration countdown.", async () => {
    const site = await siteWith({ rolling: true, cookie: { maxAge: 60_000 } });
    const visitor = site.browser();
    await visitor.get("/write");
    for (const _ of [1, 2, 3]) {
      await site.clock.advance(40_000);
      const { setCookies, body } = await visitor.get("/look");
      expectAbout(lifeOf(setCookies[0], site), 60_000);
      expect(JSON.parse(body)).toMatchObject({ views: 1 });
    }
  });

  test("The default value is `false`.", async () => {
    const site = await siteWith({ cookie: { maxAge: 60_000 } });
    const visitor = site.browser();
    await visitor.get("/write");
    expect((await visitor.get("/look")).setCookies).toEqual([]);
    expect((await visitor.get("/write")).setCookies).toHaveLength(1);
  });

  test("When this option is set to `true` but the `saveUninitialized` option is set to `false`, the cookie will not be set on a response with an uninitialized session.", async () => {
    const site = await siteWith({ rolling: true, saveUninitialized: false });
    expect((await site.browser().get("/look")).setCookies).toEqual([]);
  });
});

describe("saveUninitialized", () => {
  test('Forces a session that is "uninitialized" to be saved to the store.', async () => {
    const site = await siteWith({ saveUninitialized: true });
    const visitor = site.browser();
    expect((await visitor.get("/look")).setCookies).toHaveLength(1);
    expect(await site.sessions.count()).toBe(1);
    await visitor.get("/look");
    expect(await site.sessions.count()).toBe(1);
  });

  test("A session is uninitialized when it is new but not modified.", async () => {
    const site = await siteWith({ saveUninitialized: false });
    const visitor = site.browser();
    expect((await visitor.get("/look")).setCookies).toEqual([]);
    expect(await site.sessions.count()).toBe(0);
    expect((await visitor.get("/write")).setCookies).toHaveLength(1);
  });
});

describe("secret", () => {
  test("In order to rotate the secret without invalidating sessions, provide an array of secrets, with the new secret as first element of the array", async () => {
    const old = "the secret of before, long enough to sign with";
    const before = await compatSite({ sessions: { secrets: [old] }, routes: { "/write": write } });
    const visitor = before.browser();
    await visitor.get("/write");
    const next = "the secret of from now on, long enough to sign";
    const after = await compatSite({ sessions: { secrets: [next, old], store: before.store.store } });
    expect(await look({ get: (path) => after.browser().get(path, { Cookie: visitor.cookieHeader }) })).toMatchObject({
      views: 1,
    });
  });
});

describe("unset", () => {
  const drop: LegacyHandler = (req, res) => {
    Reflect.deleteProperty(req, "session");
    res.send("dropped");
  };
  const nullify: LegacyHandler = (req, res) => {
    (req as { session: unknown }).session = null;
    res.send("dropped");
  };

  test.each([
    ["delete", drop],
    ["null", nullify],
  ])("`'destroy'` The session will be destroyed (deleted) when the response ends. (%s)", async (_way, handler) => {
    const site = await siteWith({ unset: "destroy" }, { routes: { "/drop": handler } });
    const visitor = site.browser();
    await visitor.get("/write");
    await visitor.get("/drop");
    expect(await site.sessions.count()).toBe(0);
  });

  test.each([
    ["delete", drop],
    ["null", nullify],
  ])(
    "`'keep'` The session in the store will be kept, but modifications made during the request are ignored and not saved. (%s)",
    async (_way, handler) => {
      const changing: LegacyHandler = (req, res, next) => {
        req.session.views = 99;
        return handler(req, res, next);
      };
      const site = await siteWith({}, { routes: { "/drop": changing } });
      const visitor = site.browser();
      await visitor.get("/write");
      await visitor.get("/drop");
      expect(await look(visitor)).toMatchObject({ views: 1 });
    },
  );
});

describe("req.session", () => {
  test("To store or access session data, simply use the request property `req.session`, which is (generally) serialized as JSON by the store, so nested objects are typically fine.", async () => {
    const counter: LegacyHandler = (req, res) => {
      if (req.session.views) {
        req.session.views++;
        res.setHeader("Content-Type", "text/html");
        res.write(`<p>views: ${req.session.views}</p>`);
        res.write(`<p>expires in: ${(req.session.cookie.maxAge ?? 0) / 1000}s</p>`);
        res.end();
      } else {
        req.session.views = 1;
        res.end("welcome to the session demo. refresh!");
      }
    };
    const nested: LegacyHandler = (req, res) => {
      req.session["a"] = { b: { c: [1, new Date(0), undefined] }, gone: undefined };
      res.end();
    };
    const site = await siteWith({ cookie: { maxAge: 60_000 } }, { routes: { "/": counter, "/nested": nested } });
    const visitor = site.browser();
    expect((await visitor.get("/")).body).toBe("welcome to the session demo. refresh!");
    expect((await visitor.get("/")).body).toMatch(/^<p>views: 2<\/p><p>expires in: (?:60|59\.\d+)s<\/p>$/);
    expect((await visitor.get("/")).body).toContain("views: 3");
    await visitor.get("/nested");
    expect(await look(visitor)).toMatchObject({ views: 3, a: { b: { c: [1, "1970-01-01T00:00:00.000Z", null] } } });
  });
});

/** A handler that hears from a callback, and one that awaits. */
const BOTH = ["callback", "promise"] as const;
type Method = "regenerate" | "destroy" | "reload" | "save";

function heard(way: (typeof BOTH)[number], method: Method, then: LegacyHandler): LegacyHandler {
  return async (req, res, next) => {
    const { session } = req;
    if (way === "promise") await session[method]();
    else await new Promise<void>((resolve, reject) => session[method]((error) => (error ? reject(error) : resolve())));
    await then(req, res, next);
  };
}

describe.each(BOTH)("with a %s", (way) => {
  test("Session.regenerate: Once complete, a new SID and `Session` instance will be initialized at `req.session` and the `callback` will be invoked.", async () => {
    const ids: string[] = [];
    const regenerate: LegacyHandler = (req, res, next) => {
      const before = req.session;
      return heard(way, "regenerate", () => {
        ids.push(before.id, req.session.id, req.sessionID);
        res.json({ same: before === req.session, fields: Object.keys(req.session) });
      })(req, res, next);
    };
    const site = await siteWith({}, { routes: { "/regenerate": regenerate } });
    const visitor = site.browser();
    await visitor.get("/write");
    const copy = visitor.copy();
    const reply = await visitor.get("/regenerate");
    expect(JSON.parse(reply.body)).toEqual({ same: false, fields: ["cookie"] });
    expect(reply.setCookies).toHaveLength(1);
    expect(ids[0]).not.toBe(ids[1]);
    expect(ids[1]).toBe(ids[2]);
    expect(await look(visitor)).not.toHaveProperty("views");
    expect(await look(copy)).not.toHaveProperty("views");
    expect(await site.sessions.count()).toBe(1);
  });

  test("Session.destroy: Destroys the session and will unset the `req.session` property. Once complete, the `callback` will be invoked.", async () => {
    const destroy = heard(way, "destroy", (req, res) => res.json({ unset: req.session === undefined }));
    const site = await siteWith({}, { routes: { "/destroy": destroy } });
    const visitor = site.browser();
    await visitor.get("/write");
    const copy = visitor.copy();
    expect((await visitor.get("/destroy")).body).toBe('{"unset":true}');
    expect(visitor.cookies.size).toBe(0);
    expect(await look(copy)).not.toHaveProperty("views");
  });

  test("Session.reload: Reloads the session data from the store and re-populates the `req.session` object. Once complete, the `callback` will be invoked.", async () => {
    const site = await siteWith(
      {},
      {
        routes: {
          "/reload": async (req, res, next) => {
            await site.sessions.data(req.sessionID).set("elsewhere", 7);
            req.session.views = 1_000;
            await heard(way, "reload", () => res.json(req.session))(req, res, next);
          },
          "/none": heard(way, "reload", (_req, res) => res.send("reloaded")),
        },
      },
    );
    const visitor = site.browser();
    await visitor.get("/write");
    expect(JSON.parse((await visitor.get("/reload")).body)).toMatchObject({ views: 1, elsewhere: 7 });
    expect(await site.browser().get("/none")).toMatchObject({ status: 500, body: "error: session_not_loaded" });
  });

  test("Session.save: There are some cases where it is useful to call this method, for example, redirects, long-lived requests or in WebSockets.", async () => {
    const site = await siteWith(
      {},
      {
        routes: {
          "/save": (req, res, next) => {
            req.session.views = 5;
            return heard(way, "save", async () => {
              const stored = Number(await site.sessions.data(req.sessionID).get("views"));
              res.redirect(`/stored-${stored}`);
            })(req, res, next);
          },
        },
      },
    );
    const visitor = site.browser();
    const reply = await visitor.get("/save");
    expect(reply.headers["location"]).toBe("/stored-5");
    expect(reply.setCookies).toHaveLength(1);
    expect(await look(visitor)).toMatchObject({ views: 5 });
  });
});

describe("Session", () => {
  test("save: This method is automatically called at the end of the HTTP response if the session data has been altered", async () => {
    const streaming: LegacyHandler = async (req, res) => {
      req.session.views = 1;
      res.write("a");
      await sleep(20);
      req.session.views = 2;
      res.end("b");
    };
    const site = await siteWith({}, { routes: { "/stream": streaming } });
    const visitor = site.browser();
    expect((await visitor.get("/stream")).body).toBe("ab");
    expect(await look(visitor)).toMatchObject({ views: 2 });
    site.store.calls.length = 0;
    await visitor.get("/look");
    expect(site.store.calls).not.toContain("patch");
  });

  test("touch: Updates the `.maxAge` property. Typically this is not necessary to call, as the session middleware does this for you.", async () => {
    const touch: LegacyHandler = (req, res) => {
      const before = req.session.cookie.maxAge ?? 0;
      const same = req.session.touch() === req.session;
      res.json({ before, after: req.session.cookie.maxAge, same });
    };
    const site = await siteWith({ cookie: { maxAge: 60_000 } }, { routes: { "/touch": touch } });
    const visitor = site.browser();
    await visitor.get("/write");
    for (const _ of [1, 2, 3]) {
      await site.clock.advance(40_000);
      const { before, after, same } = JSON.parse((await visitor.get("/touch")).body) as Record<string, number>;
      expectAbout(Number(before), 20_000);
      expectAbout(Number(after), 60_000);
      expect(same).toBe(true);
    }
  });
});

describe("req.session.id and req.sessionID", () => {
  test("Each session has a unique ID associated with it. This property is an alias of `req.sessionID` and cannot be modified.", async () => {
    const modify: LegacyHandler = (req, res) => {
      const changed = Reflect.set(req.session, "id", "mine");
      res.json({ changed, same: req.session.id === req.sessionID, id: req.sessionID });
    };
    const site = await siteWith({}, { routes: { "/modify": modify } });
    const [one, other] = [site.browser(), site.browser()];
    const ids = [one, other].map(async (browser) => JSON.parse((await browser.get("/write")).body) as { id: string });
    const [first, second] = await Promise.all(ids);
    expect(first?.id).not.toBe(second?.id);
    expect(JSON.parse((await one.get("/modify")).body)).toEqual({ changed: false, same: true, id: first?.id });
  });

  test("To get the ID of the loaded session, access the request property `req.sessionID`. This is simply a read-only value set when a session is loaded/created.", async () => {
    const site = await siteWith({}, { routes: { "/id": (req, res) => res.json(req.sessionID) } });
    const visitor = site.browser();
    const { id } = JSON.parse((await visitor.get("/write")).body) as { id: string };
    expect(JSON.parse((await visitor.get("/id")).body)).toBe(id);
    expect(await site.sessions.get(id)).not.toBeNull();
    expect(JSON.parse((await site.browser().get("/id")).body)).toMatch(/^[\w-]{24}$/);
  });
});

describe("req.session.cookie", () => {
  const forget: LegacyHandler = (req, res) => {
    req.session.cookie.expires = false;
    req.session["changed"] = true;
    res.end();
  };

  test("Each session has a unique cookie object accompany it. This allows you to alter the session cookie per visitor. For example we can set `req.session.cookie.expires` to `false` to enable the cookie to remain for only the duration of the user-agent.", async () => {
    const site = await siteWith({ cookie: { maxAge: 60_000 } }, { routes: { "/forget": forget } });
    const [one, other] = [site.browser(), site.browser()];
    await one.get("/write");
    await other.get("/write");
    expect((await one.get("/forget")).setCookies[0]).not.toContain("Expires");
    expect((await look(one))["cookie"]).toMatchObject({ originalMaxAge: null, expires: null });
    expect((await look(other))["cookie"]).toMatchObject({ originalMaxAge: 60_000 });
    await site.clock.advance(61_000);
    expect(await look(one)).toMatchObject({ views: 1 });
    expect(await look(other)).not.toHaveProperty("views");
  });

  test("`req.session.cookie.maxAge` will return the time remaining in milliseconds, which we may also re-assign a new value to adjust the `.expires` property appropriately. The following are essentially equivalent", () => {
    const now = (): number => 1_000_000;
    const [one, other] = [new CompatCookie({}, now), new CompatCookie({}, now)];
    one.expires = new Date(now() + HOUR);
    other.maxAge = HOUR;
    expect(one.data).toEqual(other.data);
  });

  test("when `maxAge` is set to `60000` (one minute), and 30 seconds has elapsed it will return `30000` until the current request has completed, at which time `req.session.touch()` is called to reset `req.session.cookie.maxAge` to its original value.", async () => {
    const left: LegacyHandler = (req, res) => res.json(req.session.cookie.maxAge);
    const site = await siteWith({ cookie: { maxAge: 60_000 } }, { routes: { "/left": left } });
    const visitor = site.browser();
    await visitor.get("/write");
    await site.clock.advance(30_000);
    expectAbout(Number((await visitor.get("/left")).body), 30_000);
    expectAbout(Number((await visitor.get("/left")).body), 60_000);
  });

  test("The `req.session.cookie.originalMaxAge` property returns the original `maxAge` (time-to-live), in milliseconds, of the session cookie.", async () => {
    const site = await siteWith(
      { cookie: { maxAge: 60_000 } },
      { routes: { "/original": (req, res) => res.json(req.session.cookie.originalMaxAge) } },
    );
    const visitor = site.browser();
    await visitor.get("/write");
    await site.clock.advance(30_000);
    expect((await visitor.get("/original")).body).toBe("60000");
  });
});
