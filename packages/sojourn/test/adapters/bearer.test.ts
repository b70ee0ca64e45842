/** The header transport beyond the contract: what it prints, when it renews, how it is switched on. */

import { format, inspect } from "node:util";
import { expect, test } from "vitest";
import { createSessions, type SessionsOptions } from "../../src/create-sessions.ts";
import { ConfigError } from "../../src/errors.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { COOKIE, type Site, startSite } from "../support/express-site.ts";
import { type Reply, send } from "../support/http.ts";

const transport = { header: "authorization" } as const;

async function bearerSite(sessions: Partial<SessionsOptions> = {}, printed: string[] = []): Promise<Site> {
  return startSite({
    sessions: { transport, ...sessions },
    routes: (app) => {
      app.post("/token", async (req, res) => {
        const before = req.session.token;
        await req.session.login({ userId: "ada", transport: "header" });
        const { session } = req;
        printed.push(inspect(session, { showHidden: true, getters: true, depth: 9 }), JSON.stringify(session));
        printed.push(format("%o", req));
        res.json({ before, token: session.token });
      });
      app.get("/seen", (req, res) => void res.json({ userId: req.session.userId, token: req.session.token }));
    },
  });
}

function answerOf(reply: Reply): { userId?: string | null; before?: string | null; token: string | null } {
  expect(reply.status).toBe(200);
  return JSON.parse(reply.body) as { userId?: string | null; token: string | null };
}

function seenBy(site: Site, token: string): Promise<Reply> {
  return send(`${site.origin}/seen`, { headers: { Authorization: `Bearer ${token}` } });
}

test("the token is shown by the request that issued it, and by no other", async () => {
  const site = await bearerSite();
  const { before, token } = answerOf(await send(`${site.origin}/token`, { method: "POST" }));
  expect([before, token?.length]).toEqual([null, 93]);
  expect(answerOf(await seenBy(site, token ?? ""))).toEqual({ userId: "ada", token: null });
});

test("L2: nothing printed shows it", async () => {
  const printed: string[] = [];
  const site = await bearerSite({}, printed);
  const { token } = answerOf(await send(`${site.origin}/token`, { method: "POST" }));
  expect(printed).toHaveLength(3);
  for (const text of printed) expect(text).not.toContain(token?.slice(28, 40));
});

test("a login for the header transport by a browser with a cookie removes that cookie", async () => {
  const site = await bearerSite();
  const user = site.browser();
  await user.post("/login");
  const thief = user.copy();
  const reply = await user.post("/token");
  expect(reply.setCookies).toEqual([expect.stringContaining(`${COOKIE}=; Max-Age=0`)]);
  expect((await thief.get("/seen")).body).toContain('"userId":null');
});

test("the token of a session that is over: anonymous, and no cookie is removed that never was", async () => {
  const site = await bearerSite();
  const { token } = answerOf(await send(`${site.origin}/token`, { method: "POST" }));
  await site.sessions.revokeUser("ada");
  const reply = await seenBy(site, token ?? "");
  expect([answerOf(reply), reply.setCookies]).toEqual([{ userId: null, token: null }, []]);
});

test("a renewed token is shown to the handler, which passes it on", async () => {
  const clock = manualClock();
  const site = await bearerSite({ rotation: { every: "1h" }, store: memoryStore({ clock }), clock });
  const { token } = answerOf(await send(`${site.origin}/token`, { method: "POST" }));
  await clock.advance(2 * 60 * 60 * 1000);
  const reply = await seenBy(site, token ?? "");
  const { userId, token: successor } = answerOf(reply);
  expect([userId, successor?.length, successor === token, reply.setCookies]).toEqual(["ada", 93, false, []]);
  expect(answerOf(await seenBy(site, successor ?? "")).userId).toBe("ada");
});

test("without the option an Authorization header is somebody else's", async () => {
  const { sessions, origin } = await startSite();
  const { token } = await sessions.create({ userId: "ada" });
  const reply = await send(`${origin}/look`, { headers: { Authorization: `Bearer ${token}` } });
  expect(JSON.parse(reply.body)).toMatchObject({ active: false });
  expect(reply.headers["vary"]).toBe("Cookie");
});

test.each([{ header: "x-token" }, {}, "authorization", null])("transport: %j is a ConfigError", (wrong) => {
  const options = { development: true, log: () => undefined, transport: wrong } as unknown as SessionsOptions;
  expect(() => createSessions(options)).toThrow(ConfigError);
});
