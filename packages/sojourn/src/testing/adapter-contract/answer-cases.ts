/** Every kind of answer carries what the session has to say: HEAD, streams, failures, many on one connection. */

import { deepEqual, equal, match } from "node:assert/strict";
import { Agent } from "node:http";
import { type AdapterCase, COOKIE } from "./site.ts";

export const ANSWERS: readonly AdapterCase[] = [
  {
    name: "C1: HEAD has the headers of GET, and no body",
    async run(site) {
      const user = await site.user();
      const reply = await user.send("/plain", { method: "HEAD" });
      deepEqual([reply.status, reply.body], [200, ""]);
      deepEqual([reply.headers["cache-control"], reply.headers["vary"]], ["no-store", "Cookie"]);
      deepEqual(site.calls, ["read"]);
    },
  },
  {
    name: "a streamed answer waits for a write that nobody awaited, and brings the cookie",
    async run(site) {
      site.writesTakeMs = 30;
      const visitor = site.browser();
      const reply = await visitor.post("/streamed");
      deepEqual([reply.status, reply.body, reply.setCookies.length], [200, "begun", 1]);
      equal((await visitor.get("/look")).body, '{"active":true,"userId":null,"data":{"a":1}}');
    },
  },
  {
    name: "M4: of a streamed answer whose write fails nothing is sent but the 503",
    async run(site) {
      site.down = true;
      const reply = await site.browser().post("/streamed");
      deepEqual([reply.status, reply.headers["retry-after"], reply.setCookies], [503, "1", []]);
      equal((JSON.parse(reply.body) as { error: string }).error, "store_unavailable");
    },
  },
  {
    name: "a handler that fails after a login is answered with 500, and the session that began has its cookie",
    async run(site) {
      const visitor = site.browser();
      const reply = await visitor.post("/bug");
      deepEqual([reply.status, reply.headers["cache-control"]], [500, "no-store"]);
      match(reply.setCookies[0] ?? "", new RegExp(`^${COOKIE}=[\\w-]{93};`));
      equal((await visitor.get("/look")).body, '{"active":true,"userId":"ada","data":{}}');
    },
  },
  {
    name: "requests over one connection have each its own session",
    async run(site) {
      const [user, visitor] = [await site.user(), site.browser()];
      await visitor.post("/awaited");
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        for (const [Cookie, userId] of [
          [user.cookieHeader, "ada"],
          [visitor.cookieHeader, null],
          [`${COOKIE}=x`, null],
          [user.cookieHeader, "ada"],
        ] as const) {
          const { body, setCookies } = await site.send("/look", { agent, headers: { Cookie } });
          deepEqual([(JSON.parse(body) as { userId: unknown }).userId, setCookies], [userId, []]);
        }
        const { body } = await site.send("/look", { agent });
        equal(body, '{"active":false,"userId":null,"data":{}}');
      } finally {
        agent.destroy();
      }
    },
  },
];
