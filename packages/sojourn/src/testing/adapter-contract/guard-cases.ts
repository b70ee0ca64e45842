/** What a guard lets through, and how it answers what it does not. */

import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import type { Browser, Reply } from "./client.ts";
import { type AdapterCase, COOKIE } from "./site.ts";

const PAGE = { Accept: "text/html,application/xhtml+xml" };

/** The token for a form of this browser's session. */
async function formToken(browser: Browser): Promise<string> {
  return JSON.parse((await browser.get("/form")).body) as string;
}

function refused(reply: Reply, status: number, code: string): void {
  deepEqual([reply.status, (JSON.parse(reply.body) as { error: string }).error], [status, code]);
  equal(reply.headers["cache-control"], "no-store");
}

const USER: readonly AdapterCase[] = [
  {
    name: "requireUser: 401 for nobody, a redirect for a page, and 503 for either while the store is down",
    async run(site) {
      const user = await site.user();
      equal((await user.get("/user")).status, 200);
      for (const path of ["/user", "/user-page"]) refused(await site.send(path), 401, "login_required");
      const page = await site.send("/user-page", { headers: PAGE });
      deepEqual([page.status, page.headers["location"]], [303, "/login"]);
      site.down = true;
      refused(await user.get("/user-page", PAGE), 503, "store_unavailable");
    },
  },
];

const ROLES: readonly AdapterCase[] = [
  {
    name: "E8: after the first of two factors every guard refuses, whatever the data says; the second begins a session without it",
    async run(site) {
      const visitor = site.browser();
      await visitor.post("/first-factor");
      const before = visitor.copy();
      const paths = ["/user", "/editors", "/writers", "/fresh", "/fresh-page"];
      for (const path of paths) refused(await visitor.get(path), 401, "login_required");
      match((await visitor.get("/look")).body, /^{"active":true,"userId":null,/);
      await visitor.post("/login");
      equal((await visitor.get("/user")).status, 200);
      equal((await visitor.get("/look")).body, '{"active":true,"userId":"ada","data":{}}');
      refused(await visitor.get("/editors"), 403, "forbidden");
      for (const path of paths) refused(await before.get(path), 401, "login_required");
    },
  },
  {
    name: "requireRole, requirePermission: 401 for nobody, 403 for users who have it not or not as a list",
    async run(site) {
      const [user, editor] = [await site.user(), site.browser()];
      await editor.post("/login-editor");
      for (const path of ["/editors", "/writers"]) {
        equal((await editor.get(path)).status, 200);
        refused(await user.get(path), 403, "forbidden");
        refused(await site.send(path), 401, "login_required");
      }
      refused(await editor.get("/readers"), 403, "forbidden");
      await site.sessions.patchUser("grace", { roles: "editor", permissions: { write: true } });
      for (const path of ["/editors", "/writers"]) refused(await editor.get(path), 403, "forbidden");
    },
  },
  {
    name: "F5: a role that is taken away is gone with the next request of every session",
    async run(site) {
      const browsers = [site.browser(), site.browser()];
      for (const browser of browsers) {
        await browser.post("/login-editor");
        equal((await browser.get("/editors")).status, 200);
      }
      deepEqual(await site.sessions.patchUser("grace", { roles: [] }), { patched: 2 });
      for (const browser of browsers) {
        refused(await browser.get("/editors"), 403, "forbidden");
        equal((await browser.get("/writers")).status, 200);
      }
    },
  },
];

const FRESH: readonly AdapterCase[] = [
  {
    name: "I1: requireFresh lets through who proved lately, at the level asked for; a step-up renews it, of one session",
    async run(site) {
      const [user, elsewhere] = [await site.user(), await site.user()];
      equal((await user.get("/fresh")).status, 200);
      refused(await user.get("/fresh-page"), 403, "step_up_required");
      await site.clock.advance(10 * 60_000);
      refused(await user.get("/fresh"), 403, "step_up_required");
      await user.post("/reauthenticate");
      for (const path of ["/fresh", "/fresh-page"]) {
        equal((await user.get(path)).status, 200);
        refused(await elsewhere.get(path), 403, "step_up_required");
      }
      await site.clock.advance(10 * 60_000);
      refused(await user.get("/fresh-page"), 403, "step_up_required");
    },
  },
  {
    name: "E4: requireFresh refuses a token in the grace of its renewal; the successor, sent with the refusal, passes",
    async run(site) {
      const user = await site.user();
      const old = user.copy();
      await user.post("/rotate");
      equal((await old.copy().get("/fresh")).status, 200);
      equal((await user.get("/fresh")).status, 200);
      for (const path of ["/fresh", "/fresh-page"]) refused(await old.copy().get(path), 403, "step_up_required");
      equal((await old.copy().get("/user")).status, 200);
      await old.get("/fresh");
      equal((await old.get("/fresh")).status, 200);
    },
  },
  {
    name: "I1: requireFresh fails closed: 401 for nobody, a redirect for a page, 503 while the store is down",
    async run(site) {
      const user = await site.user();
      refused(await site.send("/fresh"), 401, "login_required");
      const page = await user.get("/fresh-page", PAGE);
      deepEqual([page.status, page.headers["location"]], [303, "/confirm"]);
      await user.post("/reauthenticate");
      site.down = true;
      refused(await user.get("/fresh-page", PAGE), 503, "store_unavailable");
    },
  },
];

const CSRF: readonly AdapterCase[] = [
  {
    name: "H4: the session's own token passes, in the header or the form field; safe methods need none",
    async run(site) {
      const user = await site.user();
      const token = await formToken(user);
      equal((await user.post("/with-token", {}, { "X-CSRF-Token": token })).status, 200);
      equal((await user.submit("/with-token", { _csrf: token, theme: "dark" })).status, 200);
      equal((await user.get("/with-token")).status, 200);
      notEqual(await formToken(user), token);
    },
  },
  {
    name: "H4: no token, one of another session, in the address or in a cookie: 403",
    async run(site) {
      const [user, other] = [await site.user(), await site.user()];
      const [token, foreign] = [await formToken(user), await formToken(other)];
      refused(await user.post("/with-token"), 403, "csrf_invalid");
      refused(await user.post(`/with-token?_csrf=${token}`), 403, "csrf_invalid");
      refused(await user.post("/with-token", {}, { "X-CSRF-Token": foreign }), 403, "csrf_invalid");
      refused(await user.submit("/with-token", { _csrf: foreign }), 403, "csrf_invalid");
      const tossed = user.copy();
      tossed.cookies.set("_csrf", foreign);
      refused(await tossed.post("/with-token", {}, { "X-CSRF-Token": foreign }), 403, "csrf_invalid");
      refused(await site.browser().post("/with-token", {}, { "X-CSRF-Token": token }), 403, "csrf_invalid");
    },
  },
  {
    name: "E2, H4: a token lives through a rotation, and dies with a login or a step-up",
    async run(site) {
      const visitor = site.browser();
      await visitor.post("/awaited");
      const before = await formToken(visitor);
      match(before, /^[\w-]{43}$/);
      await visitor.post("/login");
      refused(await visitor.post("/with-token", {}, { "X-CSRF-Token": before }), 403, "csrf_invalid");
      const token = await formToken(visitor);
      await visitor.post("/rotate");
      equal((await visitor.post("/with-token", {}, { "X-CSRF-Token": token })).status, 200);
      await visitor.post("/reauthenticate");
      refused(await visitor.post("/with-token", {}, { "X-CSRF-Token": token }), 403, "csrf_invalid");
    },
  },
  {
    name: "H6: a bearer token in a header needs no CSRF token, beside a cookie it does",
    settings: { sessions: { transport: { header: "authorization" } } },
    async run(site) {
      const user = await site.user();
      const bearer = { Authorization: `Bearer ${user.cookies.get(COOKIE)}` };
      equal((await site.send("/with-token", { method: "POST", headers: bearer })).status, 200);
      refused(await user.post("/with-token", {}, bearer), 403, "csrf_invalid");
    },
  },
];

const PASSWORD: readonly AdapterCase[] = [
  {
    name: "F4: after a changed password this browser has a new token, the others and copies of the old one nothing",
    async run(site) {
      const [user, elsewhere] = [await site.user(), await site.user()];
      const copied = user.copy();
      const before = user.cookies.get(COOKIE);
      equal(JSON.parse((await user.post("/password")).body), before?.slice(1, 25));
      notEqual(user.cookies.get(COOKIE), before);
      equal((await user.get("/user")).status, 200);
      for (const browser of [elsewhere, copied]) refused(await browser.get("/user"), 401, "login_required");
      const anonymous = await site.browser().post("/password");
      deepEqual([JSON.parse(anonymous.body), anonymous.setCookies], [null, []]);
    },
  },
];

const PHONE = { "User-Agent": "Mozilla/5.0 (iPhone) Version/18.5 Safari/604.1", "Accept-Language": "en" };
const OTHER = { "User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/138.0 Safari/537.36", "Accept-Language": "en" };

const BOUND: readonly AdapterCase[] = [
  {
    name: "K1: another browser with the cookie locks the session: nobody's until a step-up, its cookie stays",
    settings: { sessions: { binding: { onMismatch: "stepUp" } } },
    async run(site) {
      const user = site.browser();
      await user.post("/login", {}, PHONE);
      const thief = user.copy();
      equal((await user.get("/user", PHONE)).status, 200);
      refused(await thief.get("/user", OTHER), 403, "step_up_required");
      const facts = await user.get("/facts", PHONE);
      deepEqual([JSON.parse(facts.body), facts.setCookies], [{ ip: null, locked: true, aal: null }, []]);
      const write = await thief.post("/awaited", {}, OTHER);
      deepEqual([write.status, write.setCookies], [403, []]);
      equal((await user.post("/reauthenticate", {}, PHONE)).status, 200);
      equal((await user.get("/user", PHONE)).status, 200);
      refused(await thief.get("/user", OTHER), 401, "login_required");
    },
  },
  {
    name: "H4: the form that unlocks a session has a CSRF token of its own",
    settings: { sessions: { binding: { onMismatch: "stepUp" } } },
    async run(site) {
      const user = site.browser();
      await user.post("/login", {}, PHONE);
      refused(await user.get("/user", OTHER), 403, "step_up_required");
      const token = JSON.parse((await user.get("/form", OTHER)).body) as string;
      refused(await user.post("/confirm", {}, OTHER), 403, "csrf_invalid");
      equal((await user.post("/confirm", {}, { ...OTHER, "X-CSRF-Token": token })).status, 200);
      equal((await user.get("/user", OTHER)).status, 200);
    },
  },
  {
    name: "K1: a step-up on another browser binds the session to that one",
    settings: { sessions: { binding: { onMismatch: "stepUp" } } },
    async run(site) {
      const user = site.browser();
      await user.post("/login", {}, PHONE);
      refused(await user.get("/user", OTHER), 403, "step_up_required");
      await user.post("/reauthenticate", {}, OTHER);
      equal((await user.get("/user", OTHER)).status, 200);
      equal((await user.get("/user", { ...OTHER, "Accept-Language": "de" })).status, 200);
      refused(await user.get("/user", PHONE), 403, "step_up_required");
    },
  },
];

/** What the site sees a client's address as, of a login that came with this X-Forwarded-For. */
async function addressSeen(browser: Browser, forwardedFor: string): Promise<unknown> {
  await browser.post("/login", {}, { "X-Forwarded-For": forwardedFor });
  return (JSON.parse((await browser.get("/facts")).body) as { ip: unknown }).ip;
}

const PROXIED: readonly AdapterCase[] = [
  {
    name: "K2: the client's address is the connection's, whatever X-Forwarded-For says",
    async run(site) {
      equal(await addressSeen(site.browser(), "203.0.113.7"), "127.0.0.1");
    },
  },
  {
    name: "K2: behind proxies of the list it is the right-most that is none of them, in one spelling",
    settings: { options: { trustProxy: ["127.0.0.0/8", "2001:db8::/32"] } },
    async run(site) {
      equal(await addressSeen(site.browser(), "198.51.100.1, 203.0.113.7"), "203.0.113.7");
      equal(await addressSeen(site.browser(), "10.0.0.1, ::FFFF:203.0.113.7, 2001:DB8::1"), "203.0.113.7");
      equal(await addressSeen(site.browser(), "127.0.0.9"), "127.0.0.9");
    },
  },
];

export const GUARDS: readonly AdapterCase[] = [...USER, ...ROLES, ...FRESH, ...CSRF, ...PASSWORD, ...BOUND, ...PROXIED];
