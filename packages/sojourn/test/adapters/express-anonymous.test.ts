/** Requests that bring no session: they cost nothing, make nothing and are never taken for somebody. */

import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/create-sessions.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, OTHER_SECRET, SECRET, type Site, startSite, tokenIn } from "../support/express-site.ts";
import { Browser, send } from "../support/http.ts";

const ANONYMOUS = { active: false, userId: null, data: {} };

/** A well-formed token that these secrets in this namespace did sign. */
async function tokenOf(secret: string, namespace?: string): Promise<string> {
  const store = memoryStore(namespace === undefined ? {} : { namespace });
  return (await createSessions({ store, secrets: [secret] }).create({ userId: "mallory" })).token;
}

function lookWith(site: Site, cookie: string | readonly string[]) {
  return send(`${site.origin}/look`, { headers: { Cookie: cookie } });
}

describe("M2: without a cookie", () => {
  test("no store call, no Set-Cookie, no caching rules", async () => {
    const site = await startSite();
    const reply = await send(`${site.origin}/plain`);
    expect(reply).toMatchObject({ status: 200, body: "plain", setCookies: [] });
    expect(reply.headers).not.toHaveProperty("cache-control");
    expect(reply.headers).not.toHaveProperty("vary");
    expect(site.store.calls).toEqual([]);
  });

  test("a handler that looked at the session adds Vary: Cookie and nothing else", async () => {
    const site = await startSite();
    const reply = await send(`${site.origin}/look`);
    expect(JSON.parse(reply.body)).toEqual(ANONYMOUS);
    expect(reply.headers["vary"]).toBe("Cookie");
    expect(reply.headers).not.toHaveProperty("cache-control");
    expect(reply.setCookies).toEqual([]);
    expect(site.store.calls).toEqual([]);
  });

  test("nothing is put on a response until somebody looks at the session", async () => {
    const ours = (res: object): number =>
      Object.getOwnPropertySymbols(res).filter(({ description }) => description?.startsWith("sojourn")).length;
    const site = await startSite({
      routes: (app) =>
        app.get("/marks", (req, res) => {
          const before = ours(res);
          res.json({ before, active: req.session.active, after: ours(res) > 0 });
        }),
    });
    const reply = await send(`${site.origin}/marks`);
    expect(JSON.parse(reply.body)).toEqual({ before: 0, active: false, after: true });
    expect(reply.headers["vary"]).toBe("Cookie");
  });

  test("A4: a token that other middleware puts into the headers afterwards is nobody's, and nothing is done to its session", async () => {
    const site = await startSite({
      sessions: { transport: { header: "authorization" } },
      routes: (app) =>
        app.get("/late/:token", async (req, res) => {
          const { token } = req.params;
          Object.assign(req.headers, { cookie: `${COOKIE}=${token}`, authorization: `Bearer ${token}` });
          res.json([req.session.active, await req.session.logout(), req.session.csrfToken]);
        }),
    });
    const { token, session } = await site.sessions.create({ userId: "ada" });
    expect(JSON.parse((await send(`${site.origin}/late/${token}`)).body)).toEqual([false, false, null]);
    expect(await site.sessions.get(session.id)).toMatchObject({ userId: "ada" });
  });

  test("reading, deleting, touching, revoking and logging out begin nothing", async () => {
    const site = await startSite({
      routes: (app) =>
        app.post("/harmless", async (req, res) => {
          const { session } = req;
          await session.delete("a");
          await session.touch();
          const answers = [
            await session.get("a"),
            await session.revoke(),
            await session.logout(),
            session.id,
            session.current,
          ];
          res.json(answers.map((answer) => answer ?? null));
        }),
    });
    const reply = await send(`${site.origin}/harmless`, { method: "POST" });
    expect(JSON.parse(reply.body)).toEqual([null, false, false, null, null]);
    expect(reply.setCookies).toEqual([]);
    expect(site.store.calls).toEqual([]);
  });
});

describe("A4, A8: a cookie that this site did not issue", () => {
  const cases: [what: string, value: () => Promise<string>][] = [
    ["nothing at all", async () => ""],
    ["text", async () => "hello"],
    ["a path", async () => "../../../etc/passwd"],
    ["a hash tag and a glob", async () => "{tag}*"],
    ["8,000 characters", async () => "A".repeat(8_000)],
    ["a token signed with another secret", () => tokenOf(OTHER_SECRET)],
    ["a token of another namespace", () => tokenOf(SECRET, "admin")],
    ["a token in double quotes", async () => `"${await tokenOf(SECRET)}"`],
    ["a percent-encoded token", async () => `%31${(await tokenOf(SECRET)).slice(1)}`],
    ["a token with one character more", async () => `${await tokenOf(SECRET)}A`],
    ["a token with its first character changed", async () => `2${(await tokenOf(SECRET)).slice(1)}`],
  ];
  test.each(cases)("%s: anonymous, no store call, cookie left alone", async (_what, value) => {
    const site = await startSite();
    const reply = await lookWith(site, `${COOKIE}=${await value()}`);
    expect(JSON.parse(reply.body)).toEqual(ANONYMOUS);
    expect(reply.setCookies).toEqual([]);
    expect(site.store.calls).toEqual([]);
  });

  test("every single changed character of a live token", async () => {
    const site = await startSite();
    const { token } = await site.sessions.create({ userId: "ada" });
    const live = await lookWith(site, `${COOKIE}=${token}`);
    expect(JSON.parse(live.body)).toMatchObject({ active: true, userId: "ada" });
    site.store.calls.length = 0;
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === "A" ? "B" : "A";
      const reply = await lookWith(site, `${COOKIE}=${token.slice(0, at)}${other}${token.slice(at + 1)}`);
      expect(JSON.parse(reply.body), `position ${at}`).toEqual(ANONYMOUS);
      expect(reply.setCookies).toEqual([]);
    }
    expect(site.store.calls).toEqual([]);
  });

  test("A2: the public id is no credential", async () => {
    const site = await startSite();
    const { session } = await site.sessions.create({ userId: "ada" });
    site.store.calls.length = 0;
    const reply = await lookWith(site, `${COOKIE}=${session.id}`);
    expect(JSON.parse(reply.body)).toEqual(ANONYMOUS);
    expect(site.store.calls).toEqual([]);
  });

  test("A3: a write after it begins a session of another token, and nothing under the id that was sent", async () => {
    const site = await startSite();
    const sent = await tokenOf(OTHER_SECRET);
    const visitor = new Browser(site.origin, [[COOKIE, sent]]);
    const reply = await visitor.post("/set", { a: 1 });
    const issued = tokenIn(reply.setCookies[0]);
    expect(issued.slice(1, 25)).not.toBe(sent.slice(1, 25));
    expect(await site.sessions.get(sent.slice(1, 25))).toBeNull();
    expect((await site.sessions.get(issued.slice(1, 25)))?.data).toEqual({ a: 1 });
  });

  test("M2: a thousand random cookies create nothing", async () => {
    const site = await startSite();
    const random = (i: number): string =>
      randomBytes(i % 2 === 0 ? 70 : 1 + (i % 90))
        .toString("base64url")
        .slice(0, 93);
    for (let i = 0; i < 1_000; i += 50) {
      const replies = await Promise.all(
        Array.from({ length: 50 }, (_, j) => lookWith(site, `${COOKIE}=${random(i + j)}`)),
      );
      for (const reply of replies) expect([reply.status, reply.setCookies.length]).toEqual([200, 0]);
    }
    expect(site.store.calls).toEqual([]);
    expect(await site.sessions.count()).toBe(0);
  });
});

describe("A4: a token anywhere but in the cookie is not read", () => {
  test("query, body, path, Authorization and other headers", async () => {
    const site = await startSite();
    const { token } = await site.sessions.create({ userId: "ada" });
    site.store.calls.length = 0;
    const query = await send(`${site.origin}/look?sid=${token}&${COOKIE}=${token}&token=${token}`);
    expect(JSON.parse(query.body)).toEqual(ANONYMOUS);
    const elsewhere = {
      Authorization: `Bearer ${token}`,
      "X-Session": token,
      "X-Cookie": `${COOKIE}=${token}`,
      Cookie2: `${COOKIE}=${token}`,
    };
    const headers = await send(`${site.origin}/look`, { headers: elsewhere });
    expect(JSON.parse(headers.body)).toEqual(ANONYMOUS);
    const body = await send(`${site.origin}/plain`, { method: "POST", body: `sid=${token}&${COOKIE}=${token}` });
    expect(body.status).toBe(200);
    expect(site.store.calls).toEqual([]);
  });
});

describe("B8: names are compared byte by byte", () => {
  const names: [string, (token: string) => string][] = [
    ["lower case", (token) => `${COOKIE.toLowerCase()}=${token}`],
    ["upper case", (token) => `${COOKIE.toUpperCase()}=${token}`],
    ["nameless", (token) => `=${COOKIE}=${token}`],
    ["$Version", (token) => `$Version=1; $${COOKIE}=${token}`],
    ["an 8-bit byte before", (token) => `\u00a0${COOKIE}=${token}`],
    ["as the value of another", (token) => `a=${COOKIE}=${token}`],
    ["a longer name", (token) => `x${COOKIE}=${token}`],
  ];
  test.each(names)("%s", async (_what, header) => {
    const site = await startSite();
    const { token } = await site.sessions.create({ userId: "ada" });
    site.store.calls.length = 0;
    const reply = await lookWith(site, header(token));
    expect(JSON.parse(reply.body)).toEqual(ANONYMOUS);
    expect(site.store.calls).toEqual([]);
  });

  test("between other cookies it is found", async () => {
    const site = await startSite();
    const { token } = await site.sessions.create({ userId: "ada" });
    const reply = await lookWith(site, `a=1; ${COOKIE}=${token};b="2"`);
    expect(JSON.parse(reply.body)).toMatchObject({ userId: "ada" });
  });
});

describe("B8, N5: the cookie twice", () => {
  const orders: [string, (genuine: string, other: string) => string | string[]][] = [
    ["genuine first", (genuine, other) => `${COOKIE}=${genuine}; ${COOKIE}=${other}`],
    ["genuine last", (genuine, other) => `${COOKIE}=${other}; ${COOKIE}=${genuine}`],
    ["the same value", (genuine) => `${COOKIE}=${genuine}; ${COOKIE}=${genuine}`],
    ["in two Cookie headers", (genuine, other) => [`${COOKIE}=${genuine}`, `${COOKIE}=${other}`]],
  ];
  test.each(orders)("%s: anonymous, no store call, said in the log", async (_what, header) => {
    const site = await startSite();
    const { token } = await site.sessions.create({ userId: "ada" });
    const { token: other } = await site.sessions.create({ userId: "mallory" });
    site.store.calls.length = 0;
    const reply = await lookWith(site, header(token, other));
    expect(JSON.parse(reply.body)).toEqual(ANONYMOUS);
    expect(reply.setCookies).toEqual([]);
    expect(site.store.calls).toEqual([]);
    expect(site.log).toHaveLength(1);
    expect(site.log[0]).toContain("twice");
  });
});
