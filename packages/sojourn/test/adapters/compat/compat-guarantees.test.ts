/** What compatibility mode promises beyond express-session: nothing lost, nothing revived, sessions that are somebody's. */

import { setTimeout as sleep } from "node:timers/promises";
import type { RequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { requireUser } from "../../../src/adapters/express.ts";
import type { Browser } from "../../support/http.ts";
import { type CompatSite, compatSite, type LegacyHandler } from "../../support/compat-site.ts";
import { ENGINES, engineBench } from "../../support/engines.ts";

const bench = engineBench();

/** A gate that a handler waits at. */
function gate(): { readonly reached: Promise<void>; readonly open: () => void; readonly pass: () => Promise<void> } {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const pass = (): Promise<void> => {
    reached.resolve();
    return opened.promise;
  };
  return { reached: reached.promise, open: opened.resolve, pass };
}

const put: LegacyHandler = (req, res) => {
  for (const [name, value] of Object.entries(req.query)) req.session[name] = value;
  res.json(req.session.id);
};
const login: LegacyHandler = async (req, res) => {
  if (req.query["regenerate"] !== undefined) await req.session.regenerate();
  req.session["userId"] = req.query["as"] ?? "ada";
  await req.session.save();
  res.json(req.sessionID);
};
const logout: LegacyHandler = async (req, res) => {
  await req.session.destroy();
  res.json("bye");
};
const userId = (session: Record<string, unknown>): string | undefined => session["userId"] as string | undefined;

const look = async (browser: Browser): Promise<Record<string, unknown>> =>
  JSON.parse((await browser.get("/look")).body) as Record<string, unknown>;
const idOf = ({ body }: { body: string }): string => JSON.parse(body) as string;

describe.each(ENGINES)("on %s", (engine) => {
  async function siteOn(
    routes: Record<string, LegacyHandler> = {},
    options: Parameters<typeof compatSite>[0] = {},
  ): Promise<CompatSite> {
    const { store } = await bench.open(engine);
    const all = { "/put": put, "/login": login, "/logout": logout, ...routes };
    return compatSite({ ...options, sessions: { ...options.sessions, store }, routes: all });
  }

  test("parallel requests that change different fields lose nothing, one that changes nothing writes nothing", async () => {
    const held = gate();
    const site = await siteOn({
      "/slow": async (req, res) => {
        await held.pass();
        (req.session["deep"] as { list: number[] }).list.push(2);
        res.end();
      },
      "/read": async (_req, res) => {
        await sleep(5);
        res.end();
      },
      "/deep": (req, res) => {
        req.session["deep"] = { list: [1] };
        res.end();
      },
    });
    const user = site.browser();
    await user.get("/deep");
    const slow = user.get("/slow");
    await held.reached;
    await Promise.all(Array.from({ length: 8 }, (_, i) => user.get(`/put?field${i}=${i}`)));
    held.open();
    await slow;
    const fields = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`field${i}`, `${i}`]));
    expect(await look(user)).toMatchObject({ deep: { list: [1, 2] }, ...fields });
    site.store.calls.length = 0;
    await user.get("/read");
    expect(site.store.calls.filter((call) => call !== "read" && call !== "touch")).toEqual([]);
  });

  test("all that one request changes is one write, whatever the number of fields", async () => {
    const site = await siteOn({
      "/many": (req, res) => {
        Object.assign(req.session, { a: 1, b: 2, c: 3 });
        Reflect.deleteProperty(req.session, "old");
        res.end();
      },
    });
    const user = site.browser();
    await user.get("/put?old=1");
    site.store.calls.length = 0;
    await user.get("/many");
    expect(site.store.calls.filter((call) => call === "patch")).toHaveLength(1);
    const seen = await look(user);
    expect(seen).toMatchObject({ a: 1, b: 2, c: 3 });
    expect(seen).not.toHaveProperty("old");
  });

  test("C2: a slow request that writes after the logout brings nothing back, and no cookie", async () => {
    const held = gate();
    const site = await siteOn({
      "/slow": async (req, res) => {
        await held.pass();
        req.session["late"] = true;
        res.json("done");
      },
      "/saves": async (req, res) => {
        await held.pass();
        req.session["late"] = true;
        await req.session.save();
        res.json("done");
      },
    });
    const user = site.browser();
    await user.get("/put?a=1");
    const copy = user.copy();
    const [slow, saves] = [copy.get("/slow"), copy.get("/saves")];
    await held.reached;
    await sleep(20);
    await user.get("/logout");
    held.open();
    expect(await slow).toMatchObject({ status: 200, setCookies: [] });
    expect(await saves).toMatchObject({ status: 401, body: "error: session_ended", setCookies: [] });
    expect(await site.sessions.count()).toBe(0);
    expect(await look(copy)).toEqual({ cookie: expect.anything() as unknown });
  });

  test("C2: nor does one of a user that was signed out everywhere, though the application still calls them its user", async () => {
    const held = gate();
    const site = await siteOn(
      {
        "/slow": async (req, res) => {
          await held.pass();
          req.session["late"] = true;
          req.session.cookie.maxAge = 30 * 86_400_000;
          res.json("done");
        },
      },
      { options: { userId, rolling: true } },
    );
    const user = site.browser();
    await user.get("/login?regenerate");
    const slow = user.get("/slow");
    await held.reached;
    expect(await site.sessions.revokeUser("ada")).toEqual({ ended: 1 });
    held.open();
    expect(await slow).toMatchObject({ status: 200, setCookies: [] });
    expect(await site.sessions.list("ada")).toEqual([]);
    expect(await site.sessions.count()).toBe(0);
  });

  test("E1: a session that gets a user is that user's: a new id and token, listed, and ended with all of theirs", async () => {
    const guarded = {
      after: (app: { get(path: string, ...handlers: RequestHandler[]): unknown }) =>
        void app.get("/me", requireUser(), (_req, res) => void res.send("me")),
    };
    const site = await siteOn({}, { options: { userId, onError: "answer" }, ...guarded });
    const user = site.browser();
    const before = idOf(await user.get("/put?cart=1"));
    const attacker = user.copy();
    expect((await user.get("/me")).status).toBe(401);
    // Without regenerate: what a fixed session was worth ends here all the same.
    const after = idOf(await user.get("/login"));
    expect(after).not.toBe(before);
    expect(await look(user)).toMatchObject({ userId: "ada", cart: "1" });
    expect(await look(attacker)).not.toHaveProperty("userId");
    const [listed] = await site.sessions.list("ada");
    expect(listed).toMatchObject({ id: after, userId: "ada", device: { ip: "127.0.0.1" } });
    expect((await user.get("/me")).body).toBe("me");
    expect(await site.sessions.revokeUser("ada")).toEqual({ ended: 1 });
    expect((await user.get("/me")).status).toBe(401);
    expect(await look(user)).not.toHaveProperty("userId");
  });

  test("what other requests write to nobody's session while it gets a user comes along", async () => {
    const site = await siteOn({}, { options: { userId } });
    const user = site.browser();
    await user.get("/put?a=1");
    const other = user.copy();
    site.store.before.set("create", async () => {
      site.store.before.delete("create");
      await other.get("/put?a=2");
    });
    await user.get("/login");
    expect(await look(user)).toMatchObject({ a: "2", userId: "ada" });
  });

  test("a session that has no user any more ends; one of another user is another session", async () => {
    const site = await siteOn(
      {
        "/leave": (req, res) => {
          Reflect.deleteProperty(req.session, "userId");
          res.end();
        },
      },
      { options: { userId } },
    );
    const user = site.browser();
    await user.get("/put?lang=en");
    await user.get("/login");
    const before = user.copy();
    await user.get("/login?as=bea");
    expect(await site.sessions.list("ada")).toEqual([]);
    expect(await look(before)).not.toHaveProperty("userId");
    expect(await look(user)).toMatchObject({ userId: "bea", lang: "en" });
    await user.get("/leave");
    expect(await site.sessions.list("bea")).toEqual([]);
    expect(await look(user)).toMatchObject({ lang: "en" });
  });
});

describe("limits and lifetimes", () => {
  const month = 30 * 86_400_000;

  test("limit.perUser and disableUser hold for logins of the application's", async () => {
    const site = await compatSite({
      options: { userId },
      sessions: { limit: { perUser: 1, onExceed: "reject" } },
      routes: { "/login": login },
    });
    await site.browser().get("/login");
    expect(await site.browser().get("/login")).toMatchObject({ status: 409, body: "error: session_limit" });
    await site.sessions.disableUser("ada");
    expect(await site.browser().get("/login")).toMatchObject({ status: 403, body: "error: user_disabled" });
  });

  test("a cookie that is to last a month puts the login under a policy that does", async () => {
    const site = await compatSite({
      options: { userId },
      routes: {
        "/login": async (req, res) => {
          req.session["userId"] = "ada";
          await req.session.save();
          req.session.cookie.maxAge = month;
          res.end();
        },
      },
    });
    const user = site.browser();
    const reply = await user.get("/login");
    expect(reply.setCookies).toEqual([expect.stringContaining("Expires=")]);
    expect(await site.sessions.list("ada")).toMatchObject([{ policy: "rememberMe" }]);
    await site.clock.advance(29 * 86_400_000);
    expect(await look(user)).toMatchObject({ userId: "ada" });
  });

  test("without userId sessions last as long as the default policy says", async () => {
    const site = await compatSite({ routes: { "/put": put } });
    const user = site.browser();
    const id = idOf(await user.get("/put?a=1"));
    expect(await site.sessions.get(id)).toMatchObject({ policy: "normal", userId: null });
  });

  test("a session ends when it is not used for as long as its cookie was to last", async () => {
    const site = await compatSite({ options: { cookie: { maxAge: 60_000 } }, routes: { "/put": put } });
    const user = site.browser();
    await user.get("/put?a=1");
    for (const _ of [1, 2, 3]) {
      await site.clock.advance(50_000);
      expect(await look(user)).toMatchObject({ a: "1" });
    }
    await site.clock.advance(61_000);
    expect(await look(user)).not.toHaveProperty("a");
    expect(await site.sessions.count()).toBe(0);
  });
});

describe("failures", () => {
  test("while the store is down the error handler answers 503, and the cookie stays", async () => {
    const site = await compatSite({ routes: { "/put": put } });
    const user = site.browser();
    await user.get("/put?a=1");
    site.store.down = true;
    expect(await user.get("/look")).toMatchObject({ status: 503, body: "error: store_unavailable", setCookies: [] });
    const visitor = await site.browser().get("/put?a=1");
    expect(visitor).toMatchObject({ status: 503, body: "error: store_unavailable", setCookies: [] });
    site.store.down = false;
    expect(await look(user)).toMatchObject({ a: "1" });
  });

  test("H1: an unsafe request that a browser says comes from elsewhere is refused; a script that says nothing is not", async () => {
    const site = await compatSite({ routes: { "/put": put } });
    const user = site.browser();
    await user.get("/put?a=1");
    const elsewhere = { method: "POST", headers: { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" } };
    expect(await user.send("/put?a=2", elsewhere)).toMatchObject({ status: 403, body: "error: cross_site_request" });
    expect((await user.send("/put?b=2", { method: "POST" })).status).toBe(200);
    expect(await look(user)).toMatchObject({ a: "1", b: "2" });
  });

  test("what JSON cannot say at all is an error, and nothing is written", async () => {
    const site = await compatSite({
      routes: {
        "/big": (req, res) => {
          Object.assign(req.session, { ok: 1, big: 1n });
          res.send("sent");
        },
      },
    });
    expect(await site.browser().get("/big")).toMatchObject({ status: 500, setCookies: [] });
    expect(await site.sessions.count()).toBe(0);
  });

  test("steps that nobody awaited happen in their order, before the response", async () => {
    const site = await compatSite({
      routes: {
        "/put": put,
        "/all": (req, res) => {
          req.session["a"] = 2;
          void req.session.save();
          void req.session.regenerate();
          res.send("sent");
        },
        "/destroy": (req, res) => {
          void req.session.destroy();
          res.send("sent");
        },
      },
    });
    const user = site.browser();
    await user.get("/put?a=1");
    const old = user.copy();
    await user.get("/all");
    expect(await look(user)).not.toHaveProperty("a");
    expect(await look(old)).not.toHaveProperty("a");
    await user.get("/destroy");
    expect(user.cookies.size).toBe(0);
    expect(await site.sessions.count()).toBe(0);
  });
});
