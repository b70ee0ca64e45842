/** Rows H1–H3, H5, H6, E7: which unsafe requests are let in, over real HTTP. */

import express, { type ErrorRequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { type ExpressOptions, requireUser } from "../../src/adapters/express.ts";
import { COOKIE, type Site, startSite } from "../support/express-site.ts";
import { type Reply, send } from "../support/http.ts";

const UNSAFE = ["POST", "PUT", "PATCH", "DELETE"];
const SAFE = ["GET", "HEAD", "OPTIONS"];
const PARTNER = "https://partner.example";
/** Stands for the site's own origin, which is known only when it runs. */
const OWN = "own";

interface Ask {
  readonly method?: string;
  readonly cookie?: "live" | "malformed" | "none";
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

interface Asked {
  readonly reply: Reply;
  readonly site: Site;
}

async function ask(site: Site, { method = "POST", cookie = "live", headers }: Ask): Promise<Asked> {
  const { token } = await site.sessions.create({ userId: "ada" });
  site.store.calls.length = 0;
  const value = cookie === "live" ? token : "malformed";
  const own = Object.entries(headers).map(([name, text]) => [name, text === OWN ? site.origin : text] as const);
  const all = { ...Object.fromEntries(own), ...(cookie === "none" ? {} : { Cookie: `${COOKIE}=${value}` }) };
  return { reply: await send(`${site.origin}/plain`, { method, headers: all }), site };
}

function expectRefused({ reply, site }: Asked, why: string): void {
  expect(reply.status).toBe(403);
  expect(JSON.parse(reply.body)).toEqual({
    error: "cross_site_request",
    message: expect.stringContaining(`(${why})`) as string,
  });
  expect(reply.headers).toMatchObject({ vary: "Sec-Fetch-Site, Origin", "cache-control": "no-store" });
  expect(reply.setCookies).toEqual([]);
  expect(site.store.calls).toEqual([]);
}

describe("H1, H2: the matrix", () => {
  const evil = "https://evil.example";
  const rows: [headers: Record<string, string>, verdict: string][] = [
    [{ "Sec-Fetch-Site": "same-origin" }, "allowed"],
    [{ "Sec-Fetch-Site": "none" }, "allowed"],
    [{ "Sec-Fetch-Site": "same-site" }, "same_site"],
    [{ "Sec-Fetch-Site": "cross-site" }, "cross_site"],
    [{ "Sec-Fetch-Site": "Same-Origin" }, "cross_site"],
    [{ "Sec-Fetch-Site": "" }, "cross_site"],
    [{ "Sec-Fetch-Site": "cross-site", Origin: OWN }, "cross_site"],
    [{ "Sec-Fetch-Site": "same-origin", Origin: OWN }, "allowed"],
    [{ "Sec-Fetch-Site": "cross-site", Referer: OWN }, "cross_site"],
    [{ Origin: OWN }, "allowed"],
    [{ Origin: evil }, "origin_mismatch"],
    [{ Origin: "null" }, "origin_mismatch"],
    [{ Origin: evil, Referer: OWN }, "origin_mismatch"],
    [{ Origin: "http://127.0.0.1.evil.example" }, "origin_mismatch"],
    [{ Origin: "http://127.0.0.1" }, "origin_mismatch"],
    [{ Origin: "http://127.0.0.1:1" }, "origin_mismatch"],
    [{ Referer: `${evil}/?http://127.0.0.1` }, "origin_mismatch"],
    [{ Referer: "about:blank" }, "origin_mismatch"],
    [{ Referer: "" }, "origin_mismatch"],
  ];
  for (const [headers, verdict] of rows) {
    test.each(UNSAFE)(`%s with ${JSON.stringify(headers)}: ${verdict}, with and without cookie`, async (method) => {
      const site = await startSite();
      for (const cookie of ["live", "malformed", "none"] as const) {
        const asked = await ask(site, { method, cookie, headers });
        if (verdict === "allowed") expect(asked.reply.status).toBe(200);
        else expectRefused(asked, verdict);
      }
    });
  }

  test.each(UNSAFE)("%s with the Referer of an own page", async (method) => {
    const site = await startSite();
    const { reply } = await ask(site, { method, headers: { Referer: `${site.origin}/form?a=1` } });
    expect(reply.status).toBe(200);
  });

  test.each(UNSAFE)("%s that says nothing of where it comes from: refused only with a cookie", async (method) => {
    const site = await startSite();
    expectRefused(await ask(site, { method, cookie: "live", headers: {} }), "origin_missing");
    expectRefused(await ask(site, { method, cookie: "malformed", headers: {} }), "origin_missing");
    expect((await ask(site, { method, cookie: "none", headers: {} })).reply.status).toBe(200);
  });

  test("a request with the cookie twice counts as one with a cookie", async () => {
    const site = await startSite();
    const cookies = { Cookie: `${COOKIE}=a; ${COOKIE}=b` };
    expectRefused(await ask(site, { cookie: "none", headers: cookies }), "origin_missing");
  });

  test.each(SAFE)("%s is never refused", async (method) => {
    const site = await startSite();
    const { reply } = await ask(site, { method, headers: { "Sec-Fetch-Site": "cross-site", Origin: evil } });
    expect(reply.status).toBe(200);
  });

  test("an unknown method is unsafe", async () => {
    const site = await startSite();
    expectRefused(await ask(site, { method: "PROPFIND", headers: { Origin: evil } }), "origin_mismatch");
  });

  test("N5: repeated headers are not taken apart", async () => {
    const site = await startSite();
    expectRefused(await ask(site, { headers: { Origin: [site.origin, evil] } }), "origin_mismatch");
    expectRefused(await ask(site, { headers: { "Sec-Fetch-Site": ["same-origin", "cross-site"] } }), "cross_site");
  });
});

describe("H3, H6: what does not count", () => {
  const types = [
    undefined,
    "TEXT/PLAIN",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json;charset=utf-8",
    "application/json",
    "",
  ];
  test.each(types)("Content-Type %s: the same verdict", async (type) => {
    const site = await startSite();
    const content: Record<string, string> = type === undefined ? {} : { "Content-Type": type };
    expectRefused(await ask(site, { headers: { ...content, "Sec-Fetch-Site": "cross-site" } }), "cross_site");
    expect((await ask(site, { headers: { ...content, "Sec-Fetch-Site": "same-origin" } })).reply.status).toBe(200);
  });

  const overrides = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"];
  test.each(overrides)("%s: GET does not make a POST safe, nor POST a GET unsafe", async (name) => {
    const site = await startSite();
    expectRefused(await ask(site, { headers: { [name]: "GET", "Sec-Fetch-Site": "cross-site" } }), "cross_site");
    const get = await ask(site, { method: "GET", headers: { [name]: "POST", "Sec-Fetch-Site": "cross-site" } });
    expect(get.reply.status).toBe(200);
  });

  test("a _method field does not either", async () => {
    const site = await startSite({ before: (app) => app.use(express.urlencoded()) });
    const headers = { "Sec-Fetch-Site": "cross-site", "Content-Type": "application/x-www-form-urlencoded" };
    const reply = await send(`${site.origin}/plain?_method=GET`, { method: "POST", headers, body: "_method=GET" });
    expect(reply.status).toBe(403);
  });

  test("Authorization beside the cookie is no exemption, nor are custom headers", async () => {
    const site = await startSite();
    const headers = {
      Authorization: "Bearer abc",
      "X-Requested-With": "XMLHttpRequest",
      "X-CSRF-Token": "abc",
      "Sec-Fetch-Site": "cross-site",
    };
    expectRefused(await ask(site, { headers }), "cross_site");
  });
});

describe("E7: login and logout", () => {
  test.each(["/login", "/logout", "/set"])(
    "a cross-site POST %s is refused with nothing changed, also without a cookie",
    async (path) => {
      const site = await startSite();
      const victim = site.browser();
      await victim.post("/login");
      site.store.calls.length = 0;
      const headers = { "Sec-Fetch-Site": "cross-site", Origin: "https://evil.example", "Content-Type": "text/plain" };
      for (const init of [victim.withCookies({ headers }), { headers }]) {
        const reply = await send(site.origin + path, { ...init, method: "POST", body: '{"userId":"mallory"}' });
        expect([reply.status, reply.setCookies]).toEqual([403, []]);
      }
      expect(site.store.calls).toEqual([]);
      expect(JSON.parse((await victim.get("/look")).body)).toMatchObject({ userId: "ada" });
      expect(await site.sessions.list("mallory")).toEqual([]);
    },
  );
});

describe("H5: safe methods", () => {
  test.each(SAFE)("%s with a live session writes nothing, not even activity that is not due", async (method) => {
    const site = await startSite();
    await ask(site, { method, headers: {} });
    expect(site.store.calls).toEqual(["read"]);
  });
});

describe("options", () => {
  async function verdicts(options: ExpressOptions, headers: Record<string, string>): Promise<number[]> {
    const site = await startSite({ sojourn: options });
    const statuses: number[] = [];
    for (const cookie of ["live", "none"] as const) statuses.push((await ask(site, { cookie, headers })).reply.status);
    return statuses;
  }

  test.each([
    [{ Origin: PARTNER }, 200],
    [{ Origin: PARTNER, "Sec-Fetch-Site": "cross-site" }, 200],
    [{ Origin: PARTNER, "Sec-Fetch-Site": "same-site" }, 200],
    [{ Referer: `${PARTNER}/page` }, 200],
    [{ "Sec-Fetch-Site": "cross-site" }, 403],
    [{ Origin: "https://sub.partner.example" }, 403],
    [{ Origin: "http://partner.example" }, 403],
    [{ Origin: "https://partner.example:444" }, 403],
    [{ Origin: "https://PARTNER.example" }, 403],
    [{ Origin: "https://partner.example." }, 403],
    [{ Origin: "https://partner.example/" }, 403],
  ])("origins: %j is answered %i", async (headers, status) => {
    expect(await verdicts({ origins: [PARTNER] }, headers)).toEqual([status, status]);
  });

  test.each([
    [{ "Sec-Fetch-Site": "same-site", Origin: "https://sister.example" }, 200],
    [{ "Sec-Fetch-Site": "same-site" }, 200],
    [{ "Sec-Fetch-Site": "cross-site" }, 403],
    [{ Origin: "https://sister.example" }, 403],
  ])("allowSameSite: %j is answered %i", async (headers, status) => {
    expect(await verdicts({ allowSameSite: true }, headers)).toEqual([status, status]);
  });

  test("originCheck: false lets everything in", async () => {
    expect(await verdicts({ originCheck: false }, { "Sec-Fetch-Site": "cross-site" })).toEqual([200, 200]);
  });

  test('onError: "next" hands the error to the application, whose session can still be read', async () => {
    const site = await startSite({
      sojourn: { onError: "next" },
      routes: (app) => {
        const handler: express.ErrorRequestHandler = async (error, req, res, _next) => {
          const { userId } = await req.session.load();
          const { name, status, why, headers } = error as Record<string, unknown>;
          res.status(403).json({ name, status, why, headers, userId });
        };
        app.use(handler);
      },
    });
    const { reply } = await ask(site, { headers: { "Sec-Fetch-Site": "cross-site" } });
    expect(JSON.parse(reply.body)).toEqual({
      name: "CrossSiteRequestError",
      status: 403,
      why: "cross_site",
      headers: { Vary: "Sec-Fetch-Site, Origin" },
      userId: "ada",
    });
  });

  test("the refusal keeps a Vary that was there", async () => {
    const site = await startSite({
      before: (app) =>
        app.use((_req, res, next) => {
          res.vary("Accept-Encoding");
          next();
        }),
    });
    const { reply } = await ask(site, { headers: { "Sec-Fetch-Site": "cross-site" } });
    expect([reply.status, reply.headers["vary"]]).toEqual([403, "Accept-Encoding, Sec-Fetch-Site, Origin"]);
  });
});

describe("behind a proxy", () => {
  const https = { "X-Forwarded-Proto": "https", Host: "shop.example" };

  test("the own origin is the one that the client sees, if the proxy is trusted", async () => {
    const site = await startSite({ before: (app) => app.set("trust proxy", 1) });
    expect((await ask(site, { headers: { ...https, Origin: "https://shop.example" } })).reply.status).toBe(200);
    expectRefused(await ask(site, { headers: { ...https, Origin: "http://shop.example" } }), "origin_mismatch");
    const forwarded = { ...https, "X-Forwarded-Host": "www.shop.example", Origin: "https://www.shop.example" };
    expect((await ask(site, { headers: forwarded })).reply.status).toBe(200);
  });

  test("X-Forwarded-* of anybody is not believed", async () => {
    const site = await startSite();
    expectRefused(await ask(site, { headers: { ...https, Origin: "https://shop.example" } }), "origin_mismatch");
    const forged = { "X-Forwarded-Host": "evil.example", Origin: "http://evil.example" };
    expectRefused(await ask(site, { headers: forged }), "origin_mismatch");
  });
});

describe("H1 a refused request whose error handler goes on", () => {
  test.each([
    ["the session", "live"],
    ["no session", "none"],
  ] as const)("with %s passes no guard, and cannot write to one or begin one", async (_what, cookie) => {
    const errors: unknown[] = [];
    const attempt = async (work: Promise<unknown>): Promise<void> => {
      errors.push(await work.catch((error: unknown) => (error as { code: string }).code));
    };
    const site = await startSite({
      sojourn: { onError: "next" },
      routes: (app) => {
        app.use(((_error, _req, _res, next) => next()) as ErrorRequestHandler);
        app.post("/pay", async ({ session }, res) => {
          await attempt(session.set("paid", true));
          await attempt(session.login({ userId: "eve" }));
          await attempt(session.update((draft) => void (draft["paid"] = true)));
          res.send("paid");
        });
        app.post("/account", requireUser(), (req, res) => res.send(req.session.userId));
      },
    });
    const { token } = await site.sessions.create({ userId: "ada" });
    site.store.calls.length = 0;
    const headers = { Origin: "https://evil.example", ...(cookie === "live" ? { Cookie: `${COOKIE}=${token}` } : {}) };
    const paid = await send(`${site.origin}/pay`, { method: "POST", headers });
    expect([errors, paid.setCookies]).toEqual([Array.from({ length: 3 }, () => "cross_site_request"), []]);
    expect((await send(`${site.origin}/account`, { method: "POST", headers })).status).not.toBe(200);
    expect(site.store.calls).toEqual([]);
  });
});
