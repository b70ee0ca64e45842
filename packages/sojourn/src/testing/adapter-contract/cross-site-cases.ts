/** What the origin check lets through and what it refuses (rows H1, H2, H3, H5, H6). */

import { deepEqual, equal, match } from "node:assert/strict";
import { seen } from "./client.ts";
import type { AdapterCase } from "./site.ts";

const EVIL = "https://evil.example";

/** Headers of a POST, and why it is refused. */
const FROM: readonly [headers: Record<string, string>, why: string | null][] = [
  [{ "Sec-Fetch-Site": "same-origin" }, null],
  [{ "Sec-Fetch-Site": "none" }, null],
  [{ "Sec-Fetch-Site": "same-site" }, "same_site"],
  [{ "Sec-Fetch-Site": "cross-site" }, "cross_site"],
  [{ "Sec-Fetch-Site": "cross-site", Origin: "https://friend.example" }, null],
  [{ Origin: "https://friend.example" }, null],
  [{ Origin: EVIL }, "origin_mismatch"],
  [{ Origin: "null" }, "origin_mismatch"],
  [{ Referer: `${EVIL}/page` }, "origin_mismatch"],
  [{}, "origin_missing"],
  [{ "X-HTTP-Method-Override": "GET", Origin: EVIL }, "origin_mismatch"],
  [{ "Content-Type": "application/json", "Sec-Fetch-Site": "cross-site" }, "cross_site"],
];

export const CROSS_SITE: readonly AdapterCase[] = [
  {
    name: "H1, H2, H3, H6: an unsafe request from elsewhere is refused before anything is read",
    settings: { options: { origins: ["https://friend.example"] } },
    async run(site) {
      const user = await site.user();
      for (const [headers, why] of FROM) {
        site.calls.length = 0;
        const reply = await user.send("/plain", { method: "POST", headers: { ...headers, Cookie: user.cookieHeader } });
        const told = JSON.stringify(headers);
        equal(reply.status, why === null ? 200 : 403, told);
        if (why === null) continue;
        match(reply.body, new RegExp(`"cross_site_request".*\\(${why}\\)`), told);
        deepEqual([reply.setCookies, site.calls, reply.headers["vary"]], [[], [], "Sec-Fetch-Site, Origin"], told);
      }
    },
  },
  {
    name: "H2: the site's own origin is that of Host, port included",
    async run(site) {
      const user = await site.user();
      const own = { Origin: site.origin, Cookie: user.cookieHeader };
      equal((await site.send("/plain", { method: "POST", headers: own })).status, 200);
      const other = { Origin: site.origin.replace(/:\d+$/, ""), Cookie: user.cookieHeader };
      equal((await site.send("/plain", { method: "POST", headers: other })).status, 403);
    },
  },
  {
    name: "H5: safe requests from elsewhere are served",
    async run(site) {
      const user = await site.user();
      deepEqual(seen(await user.get("/look", { "Sec-Fetch-Site": "cross-site", Origin: EVIL })), {
        active: true,
        userId: "ada",
        data: {},
      });
    },
  },
];
