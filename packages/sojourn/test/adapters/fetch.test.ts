/** What is the fetch adapter's own: `Response` objects of every kind, `refused`, and its options. The rest is in the contract. */

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { csrf, type FetchOptions, sojourn } from "../../src/adapters/fetch.ts";
import { createSessions } from "../../src/create-sessions.ts";
import { SojournError } from "../../src/errors.ts";
import type { Session } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { COOKIE, SECRET } from "../support/express-site.ts";
import { WatchedStore } from "../support/watched-store.ts";

const SHOP = "https://shop.example";

async function shop(options: FetchOptions = {}) {
  const watched = new WatchedStore(memoryStore());
  const log: string[] = [];
  const sessions = createSessions({ store: watched.store, secrets: [SECRET], log: (line) => log.push(line) });
  const { token } = await sessions.create({ userId: "ada" });
  const { open } = sojourn(sessions, options);
  const withCookie = (init: RequestInit = {}, value = token) =>
    new Request(`${SHOP}/`, { ...init, headers: { Cookie: `${COOKIE}=${value}`, ...(init.headers as object) } });
  return { sessions, watched, log, token, open, withCookie };
}

test("of Node only what the core needs is reachable from it", () => {
  const adapters = join(import.meta.dirname, "..", "..", "src", "adapters");
  const builtIn = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    // Imports of types only are no imports when it runs.
    for (const [, from = ""] of readFileSync(file, "utf8").matchAll(
      /^(?:import|export) (?!type\b)[^"';]*?from "([^"]+)"/gm,
    )) {
      if (from.startsWith(".")) visit(resolve(dirname(file), from));
      else builtIn.add(from);
    }
  };
  visit(join(adapters, "fetch.ts"));
  expect(seen.size).toBeGreaterThan(5);
  expect([...builtIn].toSorted()).toEqual(["node:crypto", "node:timers/promises", "node:util"]);
});

test("H2 an URL made of any header that is none refuses unsafe requests, and throws nothing", async () => {
  const { open, withCookie } = await shop({ url: (request) => `https://${request.headers.get("x-forwarded-host")}` });
  const headers = { "x-forwarded-host": "[", origin: SHOP };
  expect((await open(withCookie({ method: "POST", headers }))).refused?.status).toBe(403);
  expect((await open(withCookie({ headers }))).session.userId).toBe("ada");
});

/** A body of a form that begins with these fields and goes on for so many bytes; `pulled` counts what was asked of it. */
function formBody(fields: string, bytes: number): { body: ReadableStream<Uint8Array>; pulled: () => number } {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = sent === 0 ? Buffer.from(`${fields}&rest=`) : Buffer.alloc(65_536, "a");
      sent += chunk.length;
      controller.enqueue(chunk);
      if (sent > bytes) controller.close();
    },
  });
  return { body, pulled: () => sent };
}

test("D5 a locked session: what would change it rejects, and it can be ended", async () => {
  const { withCookie } = await shop();
  const binding = { onMismatch: "stepUp" } as const;
  const bound = createSessions({ store: memoryStore(), secrets: [SECRET], binding, log: () => undefined });
  const created = await bound.create({ userId: "ada", data: { a: 1 }, device: { userAgent: "Firefox/1" } });
  const elsewhere = { headers: { "user-agent": "Chrome/1" } };
  const s = await sojourn(bound).open(withCookie(elsewhere, created.token));
  expect(s.session.locked).toBe(true);
  for (const work of [s.session.delete("a"), s.session.set("a", 2), s.session.increment("a")]) {
    await expect(work).rejects.toMatchObject({ code: "step_up_required" });
  }
  expect(await s.session.revoke("lost")).toBe(true);
  expect(await bound.validate(created.token)).toMatchObject({ ended: { reason: "lost" } });
});

describe("csrf()", () => {
  test("M3 reads no form that is larger than a form, and leaves the body to the handler", async () => {
    const { sessions, token, open, withCookie } = await shop();
    const { session } = (await sessions.validate(token)) as { session: Session };
    const post = (fields: string, bytes: number) => {
      const { body, pulled } = formBody(fields, bytes);
      const headers = { origin: SHOP, "content-type": "application/x-www-form-urlencoded" };
      return { request: withCookie({ method: "POST", body, duplex: "half", headers }), pulled };
    };
    const fields = `_csrf=${sessions.csrf.token(session)}`;
    const usual = post(fields, 500_000);
    expect(await csrf()(await open(usual.request))).toBeNull();
    expect((await usual.request.text()).startsWith(fields)).toBe(true);
    const endless = post(fields, 1e8);
    expect((await csrf()(await open(endless.request)))?.status).toBe(403);
    expect(endless.pulled()).toBeLessThan(2_000_000);
  });
});

describe("commit", () => {
  test("without a look at the session the response is sent as it is", async () => {
    const { open } = await shop();
    const response = new Response("ok");
    expect(await (await open(new Request(SHOP))).commit(response)).toBe(response);
  });

  test("a response that is not sent is let go of, also one that was cloned and is not read", async () => {
    const { open, withCookie } = await shop();
    const s = await open(withCookie({ method: "POST", headers: { origin: "https://evil.example" } }));
    const response = new Response(formBody("a", 1e6).body);
    response.clone();
    expect((await s.commit(response)).status).toBe(403);
  });

  test("a response with immutable headers is copied, its status, body and cookies kept", async () => {
    const { open } = await shop();
    const redirect = Response.redirect(`${SHOP}/next`, 303);
    expect(() => redirect.headers.set("X-A", "1")).toThrow(TypeError);
    const s = await open(new Request(SHOP));
    await s.session.login({ userId: "ada" });
    const sent = await s.commit(redirect);
    expect([sent.status, sent.headers.get("location")]).toEqual([303, `${SHOP}/next`]);
    expect(sent.headers.getSetCookie()).toEqual([expect.stringContaining(`${COOKIE}=`)]);
    expect(sent.headers.get("cache-control")).toBe("no-store");
  });

  test.each([204, 205, 304])("status %i has no body and gets its headers", async (status) => {
    const { open, withCookie } = await shop();
    const sent = await (await open(withCookie())).commit(new Response(null, { status }));
    expect([sent.status, sent.body, sent.headers.get("cache-control")]).toEqual([status, null, "no-store"]);
  });

  test("a network error is passed on", async () => {
    const { open, withCookie } = await shop();
    const failed = Response.error();
    expect(await (await open(withCookie())).commit(failed)).toBe(failed);
  });

  test("C1: one response object sent to two clients carries nobody's cookie to the other", async () => {
    const { open } = await shop();
    const shared = new Response(null, { status: 204 });
    const cookies = [];
    for (const userId of ["ada", "grace"]) {
      const s = await open(new Request(SHOP));
      await s.session.login({ userId });
      cookies.push((await s.commit(shared)).headers.getSetCookie());
    }
    expect(cookies.map((list) => list.length)).toEqual([1, 1]);
    expect([...shared.headers]).toEqual([]);
  });

  test("a stream is passed on unread, and the application's cookies stay apart", async () => {
    const { open, withCookie } = await shop();
    const headers = new Headers([
      ["Set-Cookie", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT"],
      ["Set-Cookie", "b=2"],
    ]);
    const s = await open(withCookie());
    await s.session.logout();
    const sent = await s.commit(new Response(ReadableStream.from([Buffer.from("a"), Buffer.from("b")]), { headers }));
    expect(await sent.text()).toBe("ab");
    const [a, b, ours] = sent.headers.getSetCookie();
    expect([a, b]).toEqual(["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2"]);
    expect(ours).toContain("Max-Age=0");
  });

  test("waits for writes that were not awaited; a failure is answered, and the response's body is let go", async () => {
    const { open, withCookie, watched, log } = await shop();
    let cancelled = false;
    const body = new ReadableStream({ cancel: () => void (cancelled = true) });
    const s = await open(withCookie());
    watched.down = true;
    void s.session.set("a", 1);
    const sent = await s.commit(new Response(body));
    expect([sent.status, sent.headers.get("retry-after"), cancelled]).toEqual([503, "1", true]);
    expect(sent.headers.getSetCookie()).toEqual([]);
    expect(log.join()).toContain("503");
  });

  test("a bug in a write that was not awaited is thrown, not answered", async () => {
    const { open } = await shop();
    const s = await open(new Request(SHOP));
    void s.session.increment("a", 0.5);
    await expect(s.commit(new Response("ok"))).rejects.toThrow(TypeError);
  });

  test("twice is a TypeError", async () => {
    const { open } = await shop();
    const s = await open(new Request(SHOP));
    await s.commit(new Response("ok"));
    await expect(s.commit(new Response("ok"))).rejects.toThrow(/before/);
  });
});

describe("refused", () => {
  test("H1: an unsafe request from elsewhere: nothing read, commit answers the refusal too", async () => {
    const { open, withCookie, watched } = await shop();
    watched.calls.length = 0;
    const s = await open(withCookie({ method: "POST", headers: { "Sec-Fetch-Site": "cross-site" } }));
    expect([s.refused?.status, s.refused?.headers.get("vary")]).toEqual([403, "Sec-Fetch-Site, Origin"]);
    const { session } = s;
    for (const work of [session.set("a", 1), session.delete("a"), session.login({ userId: "x" }), session.logout()]) {
      await expect(work).rejects.toThrow(SojournError);
    }
    await expect(session.load()).rejects.toThrow(/not come from this site/);
    expect(() => session.userId).toThrow(TypeError);
    expect(await s.commit(new Response("ok"))).toBe(s.refused);
    expect(watched.calls).toEqual([]);
  });

  test("M4: the store is down: 503, and the cookie stays", async () => {
    const { open, withCookie, watched } = await shop();
    watched.down = true;
    const { refused } = await open(withCookie());
    expect([refused?.status, refused?.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(refused?.headers.getSetCookie()).toEqual([]);
  });

  test("otherwise null, also with load: lazy", async () => {
    const { open, withCookie, watched } = await shop({ load: "lazy" });
    watched.calls.length = 0;
    const s = await open(withCookie());
    expect([s.refused, watched.calls]).toEqual([null, []]);
    expect((await s.session.load()).userId).toBe("ada");
  });
});

describe("options", () => {
  test("url: the origin and the scheme that the client sees", async () => {
    const seen = await shop({
      url: (request) => request.url.replace("http://inner:8080", SHOP),
      ip: () => "192.0.2.7",
    });
    const post = (origin: string) =>
      seen.open(
        new Request("http://inner:8080/", {
          method: "POST",
          headers: { Origin: origin, Cookie: `${COOKIE}=${seen.token}` },
        }),
      );
    expect((await post(SHOP)).refused).toBeNull();
    expect((await post("http://inner:8080")).refused?.status).toBe(403);
    const s = await post(SHOP);
    const session = await s.session.login({ userId: "ada" });
    expect(session.device).toMatchObject({ ip: "192.0.2.7" });
    expect(seen.log.filter((line) => line.includes("Secure"))).toEqual([]);
  });

  test("on plain http a Secure cookie is warned of; development uses its own", async () => {
    const { open, log } = await shop();
    const s = await open(new Request("http://127.0.0.1:3000/"));
    await s.session.set("a", 1);
    await s.commit(new Response("ok"));
    expect(log.filter((line) => line.includes("Secure"))).toHaveLength(1);
    const relaxed = createSessions({ development: true, log: () => undefined });
    const dev = await sojourn(relaxed).open(new Request("http://127.0.0.1:3000/"));
    await dev.session.set("a", 1);
    expect((await dev.commit(new Response("ok"))).headers.getSetCookie()[0]).toMatch(/^sid-sojourn=/);
  });

  test("B8: two Cookie headers, each with a token of this site, are nobody's", async () => {
    const { open, token } = await shop();
    const headers = new Headers([
      ["Cookie", `${COOKIE}=${token}`],
      ["Cookie", `${COOKIE}=${token}`],
    ]);
    expect((await open(new Request(SHOP, { headers }))).session.active).toBe(false);
  });
});
