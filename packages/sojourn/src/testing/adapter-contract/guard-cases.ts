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

export const GUARDS: readonly AdapterCase[] = [...USER, ...CSRF];
