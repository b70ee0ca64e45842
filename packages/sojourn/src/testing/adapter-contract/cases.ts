/** What any adapter must do, one sentence each; a title begins with the rows of the security requirements it shows. */

import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { ADOPTION } from "./adoption-cases.ts";
import { parseDuration } from "../../duration.ts";
import { DEFAULTS } from "../../options.ts";
import { ANSWERS } from "./answer-cases.ts";
import { BEARER } from "./bearer-cases.ts";
import { type Browser, seen } from "./client.ts";
import { CROSS_SITE } from "./cross-site-cases.ts";
import { GUARDS } from "./guard-cases.ts";
import { type AdapterCase, COOKIE } from "./site.ts";

const ANONYMOUS = { active: false, userId: null, data: {} };
const { nearCacheLeaseMs: LEASE_MS } = DEFAULTS;
const STALE_MS = parseDuration("staleFor", DEFAULTS.staleFor);
/** For what happens meanwhile: the clock goes on by itself, too. */
const MARGIN_MS = 5_000;

function tokenOf(browser: Browser): string {
  return browser.cookies.get(COOKIE) ?? "";
}

const ANONYMITY: readonly AdapterCase[] = [
  {
    name: "M2: a request without a cookie costs nothing and gets nothing",
    async run(site) {
      const reply = await site.send("/plain");
      deepEqual([reply.status, reply.body, reply.setCookies], [200, "plain", []]);
      deepEqual([reply.headers["vary"], reply.headers["cache-control"]], [undefined, undefined]);
      deepEqual(site.calls, []);
    },
  },
  {
    name: "C1: a handler that looked says Vary: Cookie",
    async run(site) {
      const reply = await site.send("/look");
      deepEqual(seen(reply), ANONYMOUS);
      equal(reply.headers["vary"], "Cookie");
      deepEqual([reply.setCookies, site.calls], [[], []]);
    },
  },
  {
    name: "A4: a token that is forged, or comes in the query or another header, costs nothing and is nobody's",
    async run(site) {
      const token = tokenOf(await site.user());
      const forged = `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`;
      const attempts: Record<string, string>[] = [
        { Cookie: `${COOKIE}=${forged}` },
        { Cookie: `${COOKIE}=${"x".repeat(5_000)}` },
        { Cookie: `sid=${token}` },
        { Authorization: `Bearer ${token}` },
        { "X-Session": token },
      ];
      for (const headers of attempts) {
        const reply = await site.send(`/look?sid=${token}&${COOKIE}=${token}`, { headers });
        deepEqual([seen(reply), reply.setCookies], [ANONYMOUS, []]);
      }
      deepEqual(site.calls, []);
    },
  },
  {
    name: "B8: two cookies of the name are nobody's, in either order",
    async run(site) {
      const token = tokenOf(await site.user());
      for (const pair of [`${COOKIE}=${token}; ${COOKIE}=x`, `${COOKIE}=x; ${COOKIE}=${token}`]) {
        const reply = await site.send("/look", { headers: { Cookie: pair } });
        deepEqual([seen(reply), reply.setCookies], [ANONYMOUS, []]);
      }
      deepEqual(site.calls, []);
      equal(site.log.filter((line) => line.includes("twice")).length, 1);
    },
  },
];

const LIFE: readonly AdapterCase[] = [
  {
    name: "B1, B3, B4, B5: the first write begins a session with a cookie that only this host gets back",
    async run(site) {
      const visitor = site.browser();
      const reply = await visitor.post("/awaited");
      deepEqual(seen(reply), { active: true, userId: null, data: { a: 1, n: 1, b: [2] } });
      equal(reply.setCookies.length, 1);
      match(reply.setCookies[0] ?? "", /^__Host-Http-sid=[\w-]{93}; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
      deepEqual(seen(await visitor.get("/look")), { active: true, userId: null, data: { a: 1, n: 1, b: [2] } });
      equal(site.calls.filter((name) => name === "create").length, 1);
    },
  },
  {
    name: "E1: a login gives a new id and a new token, ends the old session and keeps what it was told to",
    async run(site) {
      const visitor = site.browser();
      await visitor.post("/awaited");
      const before = visitor.copy();
      const { token, id } = seen(await visitor.post("/login")) as { token: unknown; id: string };
      equal(token, null);
      notEqual(tokenOf(visitor), tokenOf(before));
      notEqual(id, tokenOf(before).slice(1, 25));
      deepEqual(seen(await visitor.get("/look")), { active: true, userId: "ada", data: { a: 1 } });
      deepEqual(seen(await before.get("/look")), ANONYMOUS);
    },
  },
  {
    name: "E4: a rotation gives a new token of the same session; the old one still works, and anonymous it is nothing",
    async run(site) {
      const user = await site.user();
      const before = user.copy();
      const reply = await user.post("/rotate");
      deepEqual(seen(reply), { id: tokenOf(before).slice(1, 25), token: null });
      notEqual(tokenOf(user), tokenOf(before));
      for (const browser of [before.copy(), user]) {
        equal((seen(await browser.get("/look")) as { userId: string }).userId, "ada");
      }
      const anonymous = await site.browser().post("/rotate");
      deepEqual([seen(anonymous), anonymous.setCookies], [{ id: null, token: null }, []]);
    },
  },
  {
    name: "E1: a step-up gives a new token, and the old one is nobody's at once",
    async run(site) {
      const user = await site.user();
      const before = user.copy();
      deepEqual(seen(await user.post("/reauthenticate")), { aal: 2, token: null });
      equal((seen(await user.get("/look")) as { userId: string }).userId, "ada");
      deepEqual(seen(await before.get("/look")), ANONYMOUS);
    },
  },
  {
    name: "C2: a logout ends the session and removes the cookie",
    async run(site) {
      const user = await site.user();
      const thief = user.copy();
      const reply = await user.post("/logout");
      equal(seen(reply), true);
      match(reply.setCookies[0] ?? "", /^__Host-Http-sid=; Max-Age=0; Path=\/; .*HttpOnly; Secure/);
      equal(user.cookies.size, 0);
      deepEqual(seen(await thief.get("/look")), ANONYMOUS);
      equal(await site.sessions.count(), 0);
    },
  },
  {
    name: "C2: the cookie of a session that is over is removed",
    async run(site) {
      const user = await site.user();
      await site.sessions.revokeUser("ada");
      const reply = await user.get("/look");
      deepEqual(seen(reply), ANONYMOUS);
      equal(user.cookies.size, 0);
      equal(reply.headers["cache-control"], "no-store");
    },
  },
];

const CACHING: readonly AdapterCase[] = [
  {
    name: "C1: an answer that depends on a session is kept by no cache, whatever the handler said of it",
    async run(site) {
      const user = await site.user();
      const plain = await user.get("/plain");
      deepEqual([plain.headers["cache-control"], plain.headers["vary"]], ["no-store", "Cookie"]);
      const said = await user.get("/public");
      deepEqual([said.headers["cache-control"], said.headers["vary"]], ["no-store", "Accept, Cookie"]);
      const anonymous = await site.send("/public");
      equal(anonymous.headers["cache-control"], "public, max-age=60");
    },
  },
  {
    name: "C1: cookies of the application stay beside the session's",
    async run(site) {
      const user = await site.user();
      await site.sessions.revokeUser("ada");
      const { setCookies } = await user.get("/public");
      equal(setCookies[0], "theirs=1; Path=/");
      ok(setCookies[1]?.startsWith(`${COOKIE}=; Max-Age=0`));
      equal(setCookies.length, 2);
    },
  },
];

const FAILURE: readonly AdapterCase[] = [
  {
    name: "M4: while the store is down: 503 and Retry-After, the cookie stays, requests without one are served",
    async run(site) {
      const user = await site.user();
      site.down = true;
      const reply = await user.get("/look");
      deepEqual([reply.status, reply.headers["retry-after"], reply.setCookies], [503, "1", []]);
      equal(reply.headers["cache-control"], "no-store");
      equal((JSON.parse(reply.body) as { error: string }).error, "store_unavailable");
      ok(!reply.body.includes("10.11.12.13"));
      equal((await site.send("/look")).status, 200);
      site.down = false;
      equal((seen(await user.get("/look")) as { userId: string }).userId, "ada");
    },
  },
  {
    name: 'M4: onUnavailable: "anonymous": the page of nobody, said so and stored nowhere, no guard passed, nothing written, the cookie stays',
    settings: { options: { onUnavailable: "anonymous" } },
    async run(site) {
      const user = await site.user();
      deepEqual(seen(await user.get("/unavailable")), false);
      site.down = true;
      const reply = await user.get("/look");
      deepEqual([seen(reply), reply.setCookies, reply.headers["cache-control"]], [ANONYMOUS, [], "no-store"]);
      deepEqual(seen(await user.get("/unavailable")), true);
      deepEqual(seen(await site.send("/unavailable")), false);
      const guarded = await user.get("/user");
      deepEqual([guarded.status, guarded.headers["retry-after"], guarded.setCookies], [503, "1", []]);
      for (const path of ["/awaited", "/unawaited", "/login", "/logout"]) {
        const written = await user.post(path);
        deepEqual([path, written.status, written.setCookies], [path, 503, []]);
      }
      site.down = false;
      equal((seen(await user.get("/look")) as { userId: string }).userId, "ada");
      equal(await site.sessions.count(), 1);
    },
  },
  {
    name: 'M4: onUnavailable: "stale": the last that is known of the session, said so and stored nowhere, no guard passed, nothing written; 503 where nothing is known, or too long ago',
    settings: { options: { onUnavailable: () => "stale" }, nearCache: true },
    async run(site) {
      const [user, other] = [await site.user(), await site.user()];
      deepEqual(seen(await user.get("/stale")), false);
      const age = LEASE_MS + 1;
      await site.clock.advance(age);
      site.down = true;
      const reply = await user.get("/look");
      const ada = { active: true, userId: "ada", data: {} };
      deepEqual([seen(reply), reply.setCookies, reply.headers["cache-control"]], [ada, [], "no-store"]);
      deepEqual(seen(await user.get("/stale")), true);
      for (const path of ["/awaited", "/unawaited"]) equal((await user.post(path)).status, 503);
      const refused = [await user.get("/user"), await other.get("/look")];
      await site.clock.advance(STALE_MS - age - MARGIN_MS);
      deepEqual(seen(await user.get("/look")), ada);
      await site.clock.advance(MARGIN_MS);
      for (const { status, setCookies } of [...refused, await user.get("/look")]) {
        deepEqual([status, setCookies], [503, []]);
      }
      site.down = false;
      deepEqual([seen(await user.get("/look")), seen(await user.get("/stale"))], [ada, false]);
    },
  },
  {
    name: 'M4: onUnavailable: "anonymous": what could not be read is not written to, though the store is back within the request',
    settings: { options: { onUnavailable: () => "anonymous" } },
    async run(site) {
      const user = await site.user();
      site.readsFail = true;
      for (const path of ["/awaited", "/unawaited"]) equal((await user.post(path)).status, 503);
      equal(await site.sessions.count(), 1);
      site.readsFail = false;
      deepEqual(seen(await user.get("/look")), { active: true, userId: "ada", data: {} });
    },
  },
];

const WRITES: readonly AdapterCase[] = [
  {
    name: "a write that nobody awaited is stored before the answer goes out, which brings the cookie",
    async run(site) {
      site.writesTakeMs = 30;
      const visitor = site.browser();
      const reply = await visitor.post("/unawaited");
      deepEqual([reply.status, reply.body, reply.setCookies.length], [200, "answered", 1]);
      equal(reply.headers["cache-control"], "no-store");
      deepEqual(seen(await visitor.get("/look")), { active: true, userId: null, data: { a: 1 } });
    },
  },
  {
    name: "M4: a write that nobody awaited and that fails is answered with 503, and with nothing of the handler's",
    async run(site) {
      site.down = true;
      const reply = await site.browser().post("/unawaited");
      deepEqual([reply.status, reply.headers["retry-after"], reply.setCookies], [503, "1", []]);
      ok(!reply.body.includes("answered"));
      match(reply.headers["content-type"] ?? "", /^application\/json/);
    },
  },
  {
    name: "more new visitors than anonymous.createRate allows: 429 and Retry-After in place of an unawaited write's answer",
    settings: { sessions: { anonymous: { createRate: "2/h" } } },
    async run(site) {
      for (const path of ["/unawaited", "/awaited"]) equal((await site.browser().post(path)).setCookies.length, 1);
      const reply = await site.browser().post("/unawaited");
      deepEqual([reply.status, reply.setCookies], [429, []]);
      match(reply.headers["retry-after"] ?? "", /^1[78]\d\d$/);
      equal((JSON.parse(reply.body) as { error: string }).error, "creation_rate");
      equal((await site.browser().post("/awaited")).status, 429);
      equal((await site.browser().post("/catches")).body, "CreationRateError");
      equal((await site.browser().post("/login")).status, 200);
      equal(await site.sessions.count(), 3);
    },
  },
  {
    name: "G1: a login over a limit that rejects is a 409 of the handler's, and the visitor stays who it was",
    settings: { sessions: { limit: { perUser: 1, onExceed: "reject" } } },
    async run(site) {
      const user = await site.user();
      const visitor = site.browser();
      await visitor.post("/awaited");
      const reply = await visitor.post("/login");
      deepEqual([reply.status, reply.setCookies], [409, []]);
      deepEqual(seen(await visitor.get("/look")), { active: true, userId: null, data: { a: 1, n: 1, b: [2] } });
      equal((await user.post("/login")).status, 200);
    },
  },
  {
    name: "a write that was awaited and failed is the handler's to answer",
    async run(site) {
      equal((await site.browser().post("/rejects")).status, 400);
      site.down = true;
      const reply = await site.browser().post("/catches");
      deepEqual([reply.status, reply.body, reply.setCookies], [200, "StoreUnavailableError", []]);
    },
  },
  {
    name: "after the response has begun, what needs its headers is refused with HeadersSentError and changes nothing",
    async run(site) {
      const user = await site.user();
      for (const browser of [site.browser(), user]) {
        const reply = await browser.post("/late");
        deepEqual([reply.body, reply.setCookies], ["begun", []]);
        equal((await site.send("/heard")).body, "HeadersSentError");
      }
      equal(await site.sessions.count(), 1);
      equal((seen(await user.get("/look")) as { userId: string }).userId, "ada");
    },
  },
];

export const CASES: readonly AdapterCase[] = [
  ...ANONYMITY,
  ...LIFE,
  ...CACHING,
  ...CROSS_SITE,
  ...FAILURE,
  ...WRITES,
  ...ANSWERS,
  ...BEARER,
  ...GUARDS,
  ...ADOPTION,
];
