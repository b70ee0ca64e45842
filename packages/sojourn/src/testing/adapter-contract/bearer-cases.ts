/** The header transport: off by default, and never beside a cookie (rows A4, B3, H6). */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Reply } from "./client.ts";
import { type AdapterCase, COOKIE, type SiteSettings, type TestSite } from "./site.ts";

const ON: SiteSettings = { sessions: { transport: { header: "authorization" } } };

async function tokenFrom(site: TestSite): Promise<string> {
  const reply = await site.send("/login-header", { method: "POST" });
  deepEqual([reply.status, reply.setCookies, reply.headers["cache-control"]], [200, [], "no-store"]);
  const { token } = JSON.parse(reply.body) as { token: string };
  match(token, /^[\w-]{93}$/);
  site.calls.length = 0;
  return token;
}

function userIn(reply: Reply): unknown {
  equal(reply.status, 200);
  return (JSON.parse(reply.body) as { userId: unknown }).userId;
}

function lookWith(site: TestSite, headers: Record<string, string>): Promise<Reply> {
  return site.send("/look", { headers });
}

export const BEARER: readonly AdapterCase[] = [
  {
    name: "B3: without the option a login for the header transport is refused",
    async run(site) {
      const reply = await site.send("/login-header", { method: "POST" });
      deepEqual([reply.status, reply.setCookies, site.calls], [500, [], []]);
    },
  },
  {
    name: "B3: a login for the header transport gives the token to the handler and sets no cookie",
    settings: ON,
    async run(site) {
      const token = await tokenFrom(site);
      const reply = await lookWith(site, { Authorization: `Bearer ${token}` });
      equal(userIn(reply), "ada");
      deepEqual([reply.setCookies, site.calls], [[], ["read"]]);
      deepEqual([reply.headers["vary"], reply.headers["cache-control"]], ["Cookie, Authorization", "no-store"]);
      equal(userIn(await lookWith(site, { Authorization: `bearer  ${token}` })), "ada");
    },
  },
  {
    name: "E1: a login or logout by a bearer ends the old token, gives the new one and never a cookie",
    settings: ON,
    async run(site) {
      const old = await tokenFrom(site);
      const again = await site.send("/login", { method: "POST", headers: { Authorization: `Bearer ${old}` } });
      const { token } = JSON.parse(again.body) as { token: string };
      deepEqual([again.status, again.setCookies, token === old], [200, [], false]);
      equal(userIn(await lookWith(site, { Authorization: `Bearer ${old}` })), null);
      equal(userIn(await lookWith(site, { Authorization: `Bearer ${token}` })), "ada");
      const out = await site.send("/logout", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
      deepEqual([out.body, out.setCookies, await site.sessions.count()], ["true", [], 0]);
    },
  },
  {
    name: "E2: a rotation and a step-up by a bearer give the handler the new token and set no cookie",
    settings: ON,
    async run(site) {
      let token = await tokenFrom(site);
      for (const path of ["/rotate", "/reauthenticate"]) {
        const reply = await site.send(path, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
        const next = (JSON.parse(reply.body) as { token: string }).token;
        deepEqual([reply.status, reply.setCookies, next === token], [200, [], false]);
        token = next;
        equal(userIn(await lookWith(site, { Authorization: `Bearer ${token}` })), "ada");
      }
    },
  },
  {
    name: "A4: an Authorization header that is no token of this site costs nothing",
    settings: ON,
    async run(site) {
      const token = await tokenFrom(site);
      const wrong = [
        `Basic ${token}`,
        token,
        `Bearer ${token}x`,
        `Bearer ${token}, Bearer ${token}`,
        "Bearer ",
        "Bearer",
      ];
      for (const value of wrong) equal(userIn(await lookWith(site, { Authorization: value })), null, value);
      deepEqual(site.calls, []);
    },
  },
  {
    name: "H6: a bearer without a cookie may come from anywhere; with one, also a dead or forged one, a browser's rules hold",
    settings: ON,
    async run(site) {
      const token = await tokenFrom(site);
      const bearer = {
        Authorization: `Bearer ${token}`,
        "Sec-Fetch-Site": "cross-site",
        Origin: "https://evil.example",
      };
      equal((await site.send("/plain", { method: "POST", headers: bearer })).status, 200);
      const forged = { ...bearer, Authorization: `Bearer ${token.slice(0, -4)}AAAA` };
      equal((await site.send("/plain", { method: "POST", headers: forged })).status, 403);
      const user = await site.user();
      for (const Cookie of [user.cookieHeader, `${COOKIE}=x`, `${COOKIE}=`]) {
        equal((await site.send("/plain", { method: "POST", headers: { ...bearer, Cookie } })).status, 403);
      }
    },
  },
  {
    name: "H6: of cookie and bearer the cookie counts, also when it is nobody's",
    settings: ON,
    async run(site) {
      const token = await tokenFrom(site);
      const visitor = site.browser();
      await visitor.post("/awaited");
      const both = { Authorization: `Bearer ${token}`, Cookie: visitor.cookieHeader };
      equal(userIn(await lookWith(site, both)), null);
      equal(userIn(await lookWith(site, { ...both, Cookie: `${COOKIE}=x` })), null);
    },
  },
  {
    name: "B3: a login by cookie stays one, and shows the handler no token",
    settings: ON,
    async run(site) {
      const visitor = site.browser();
      const reply = await visitor.post("/login");
      equal((JSON.parse(reply.body) as { token: unknown }).token, null);
      ok(reply.setCookies[0]?.startsWith(`${COOKIE}=`));
    },
  },
];
