/** What was written for express-session, unchanged: each package's own readme flow, over HTTP. */

import { createServer } from "node:http";
import { once } from "node:events";
import util from "node:util";
import { csrfSync } from "csrf-sync";
import express, { type Express, type RequestHandler } from "express";
import express4 from "express4";
import grant from "grant";
import passportModule, { type PassportStatic } from "passport";
import { Strategy } from "passport-local";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Browser } from "../../support/http.ts";
import { type CompatSite, type CompatSiteOptions, compatSite, type LegacyRequest } from "../../support/compat-site.ts";
import { engineBench } from "../../support/engines.ts";

// connect-flash 0.1.1 calls what Node removed in version 23.
Object.assign(util, { isArray: Array.isArray });
const { default: flash } = await import("connect-flash");

const bench = engineBench();
const VERSIONS = [
  ["Express 5", express],
  ["Express 4", express4 as () => Express],
] as const;
const PLACES = VERSIONS.flatMap(([name, make]) =>
  (["memory", "redis"] as const).map((engine) => [name, engine, make] as const),
);

interface User {
  readonly id: number;
  readonly username: string;
}
const USERS: readonly User[] = [
  { id: 0, username: "root" },
  { id: 7, username: "ada" },
];

/** Each with strategies of its own, as a process has one. */
function passportOf(): PassportStatic {
  const passport = new passportModule.Passport() as unknown as PassportStatic;
  passport.use(
    new Strategy((username, password, done) => {
      const user = USERS.find((each) => each.username === username && password === "secret");
      done(null, user ?? false);
    }),
  );
  passport.serializeUser((user, done) => done(null, (user as User).id));
  passport.deserializeUser((id, done) => done(null, USERS.find((user) => user.id === id) ?? false));
  return passport;
}

const passportUser = (session: Record<string, unknown>): number | undefined =>
  (session["passport"] as { user?: number } | undefined)?.user;

describe.each(PLACES)("%s, %s", (_version, engine, make) => {
  async function site(options: CompatSiteOptions): Promise<CompatSite> {
    const { store } = await bench.open(engine);
    return compatSite({ make, ...options, sessions: { store } });
  }

  describe("passport 0.7 with passport-local", () => {
    function passportSite(keepSessionInfo = false): Promise<CompatSite> {
      const passport = passportOf();
      return site({
        options: { userId: passportUser },
        after: (app) => {
          app.use(express.urlencoded({ extended: true }));
          app.use(passport.initialize());
          app.use(passport.session());
          const authenticated: RequestHandler = (_req, res) => res.redirect("/");
          app.post(
            "/login",
            passport.authenticate("local", { failureRedirect: "/login", keepSessionInfo }) as RequestHandler,
            authenticated,
          );
          app.post("/logout", ((req, res, next) => {
            req.logout({ keepSessionInfo }, (error) => (error ? next(error) : res.redirect("/")));
          }) as RequestHandler);
          app.get(
            "/",
            ((req, res) => void res.json((req.user as User | undefined)?.username ?? null)) as RequestHandler,
          );
        },
        routes: {
          "/cart": (req, res) => {
            req.session["cart"] = ["book"];
            res.json(req.sessionID);
          },
        },
      });
    }
    const signIn = (browser: Browser, username = "ada", password = "secret") =>
      browser.submit("/login", { username, password });

    test("a wrong password redirects back, a right one logs in, and so it stays until the logout", async () => {
      const { sessions, browser } = await passportSite();
      const user = browser();
      expect(await signIn(user, "ada", "wrong")).toMatchObject({ status: 302, headers: { location: "/login" } });
      expect((await user.get("/")).body).toBe("null");
      expect(await signIn(user)).toMatchObject({ status: 302, headers: { location: "/" } });
      expect((await user.get("/")).body).toBe('"ada"');
      expect(await sessions.list("7")).toHaveLength(1);
      const copy = user.copy();
      expect(await user.submit("/logout", {})).toMatchObject({ status: 302, headers: { location: "/" } });
      expect((await user.get("/")).body).toBe("null");
      expect((await copy.get("/")).body).toBe("null");
      expect(await sessions.list("7")).toEqual([]);
    });

    test("a login begins a new session, and ends the one of before", async () => {
      const { sessions, browser } = await passportSite();
      const user = browser();
      const before = JSON.parse((await user.get("/cart")).body) as string;
      const planted = user.copy();
      await signIn(user);
      expect(await sessions.get(before)).toBeNull();
      expect((await planted.get("/")).body).toBe("null");
      expect(JSON.parse((await user.get("/look")).body)).not.toHaveProperty("cart");
    });

    test("keepSessionInfo takes the fields along, at the login and at the logout", async () => {
      const { browser } = await passportSite(true);
      const user = browser();
      await user.get("/cart");
      await signIn(user);
      expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ cart: ["book"], passport: { user: 7 } });
      await user.submit("/logout", {});
      expect(JSON.parse((await user.get("/look")).body)).toMatchObject({ cart: ["book"] });
      expect((await user.get("/")).body).toBe("null");
    });

    test("sign out everywhere: every device of the user, and nobody else's", async () => {
      const { sessions, browser } = await passportSite();
      const [phone, laptop, root] = [browser(), browser(), browser()];
      await signIn(phone);
      await signIn(laptop);
      await signIn(root, "root");
      expect(await sessions.revokeUser("7")).toEqual({ ended: 2 });
      expect((await phone.get("/")).body).toBe("null");
      expect((await laptop.get("/")).body).toBe("null");
      expect((await root.get("/")).body).toBe('"root"');
    });
  });

  test("connect-flash: a message is shown once, after the redirect", async () => {
    const { browser } = await site({
      after: (app) => void app.use(flash()),
      routes: {
        "/flash": (req, res) => {
          flashOf(req)("info", "Flash is back!");
          res.redirect("/");
        },
        "/": (req, res) => void res.json(flashOf(req)("info")),
      },
    });
    const visitor = browser();
    expect((await visitor.get("/flash")).headers["location"]).toBe("/");
    expect((await visitor.get("/")).body).toBe('["Flash is back!"]');
    expect((await visitor.get("/")).body).toBe("[]");
  });

  test("csrf-sync: an unsafe request needs the token that the session has", async () => {
    const { csrfSynchronisedProtection, generateToken } = csrfSync();
    const { browser } = await site({
      after: (app) => {
        app.get("/csrf-token", ((req, res) => void res.json({ token: generateToken(req) })) as RequestHandler);
        app.use(csrfSynchronisedProtection);
      },
      routes: { "/change": (_req, res) => void res.send("changed") },
    });
    const user = browser();
    const { token } = JSON.parse((await user.get("/csrf-token")).body) as { token: string };
    expect((await user.post("/change")).status).toBe(403);
    expect((await user.post("/change", {}, { "X-CSRF-Token": `${token.slice(1)}0` })).status).toBe(403);
    expect((await user.post("/change", {}, { "X-CSRF-Token": token })).body).toBe("changed");
    expect((await browser().post("/change", {}, { "X-CSRF-Token": token })).status).toBe(403);
  });

  test("grant: through the provider and back, the answer stands in the session", async () => {
    const provider = await oauthProvider();
    const proxied: { grant?: RequestHandler } = {};
    const { origin, browser } = await site({
      after: (app) => {
        app.use((req, res, next) => proxied.grant?.(req, res, next));
      },
      routes: { "/hello": (req, res) => res.json((req.session["grant"] as { response: unknown }).response) },
    });
    proxied.grant = (grant as unknown as { express(config: object): RequestHandler }).express({
      defaults: { origin, transport: "session", state: true },
      local: {
        oauth: 2,
        key: "app",
        secret: "app-secret",
        authorize_url: `${provider}/authorize`,
        access_url: `${provider}/token`,
        callback: "/hello",
      },
    });
    const user = browser();
    const asked = await user.get("/connect/local");
    expect(asked.headers["location"]).toContain(`${provider}/authorize?`);
    const granted = await fetch(asked.headers["location"] ?? "", { redirect: "manual" });
    const back = new URL(granted.headers.get("location") ?? "");
    expect(await browser().get(back.pathname + back.search)).not.toMatchObject({
      body: expect.stringContaining("token-1") as unknown,
    });
    expect((await user.get(back.pathname + back.search)).headers["location"]).toBe("/hello");
    expect(JSON.parse((await user.get("/hello")).body)).toMatchObject({ access_token: "token-1" });
  });
});

function flashOf(req: LegacyRequest): (type: string, message?: string) => unknown {
  return (...args) => (req as unknown as { flash: (...all: unknown[]) => unknown }).flash(...args);
}

/** Grants whatever it is asked for. */
async function oauthProvider(): Promise<string> {
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? "", "http://provider.example");
    if (url.pathname === "/token") {
      res.setHeader("Content-Type", "application/json");
      res.end('{"access_token":"token-1","token_type":"bearer"}');
      return;
    }
    const state = url.searchParams.get("state") ?? "";
    res.writeHead(302, { Location: `${url.searchParams.get("redirect_uri")}?code=c&state=${state}` }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
