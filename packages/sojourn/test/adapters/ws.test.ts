/** WebSockets with real clients: who gets in, and that a socket ends with its session. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { type ClosableSocket, sojourn, type WebSocketOptions } from "../../src/adapters/ws.ts";
import { createSessions, type Sessions, type SessionsOptions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory/memory-store.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { closing, SocketSite } from "../support/socket-site.ts";
import { WatchedStore } from "../support/watched-store.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

interface Site {
  readonly sessions: Sessions;
  readonly site: SocketSite;
  readonly store: WatchedStore;
  readonly clock: ManualClock;
  readonly lines: string[];
}

async function started(options: WebSocketOptions = {}, more: SessionsOptions = {}): Promise<Site> {
  const clock = manualClock();
  const store = new WatchedStore(memoryStore({ clock }));
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const sessions = createSessions({
    store: store.store,
    clock,
    secrets: [TEST_SECRET],
    development: true,
    log,
    ...more,
  });
  const site = await SocketSite.start(sessions, options);
  cleanups.push(
    () => sessions.close(),
    () => site.stop(),
  );
  return { sessions, site, store, clock, lines };
}

describe("a handshake", () => {
  test("with a user's cookie gets a socket, and the handler the session", async () => {
    const { sessions, site } = await started();
    const { token } = await sessions.create({ userId: "ada" });
    const client = await site.open(token);
    client.send("ping");
    const [answer] = (await once(client, "message")) as [Buffer];
    expect(answer.toString()).toBe("ada: ping");
    client.close();
  });

  test.each([
    ["another site", "https://evil.example"],
    ["another port", "http://127.0.0.1:1"],
    ["a sandboxed page", "null"],
    ["a name that only begins alike", "http://127.0.0.1.evil.example"],
    ["https on the same host", "https://127.0.0.1"],
  ])("H7 from %s is refused, and asks the store nothing", async (_who, origin) => {
    const { sessions, site, store } = await started();
    const { token } = await sessions.create({ userId: "ada" });
    store.calls.length = 0;
    const refused = await site.refusal({ ...site.headers(token), origin });
    expect(refused).toMatchObject({ status: 403, body: { error: "cross_site_request" } });
    expect(store.calls).toEqual([]);
    expect(site.wss.clients.size).toBe(0);
  });

  test("H7 with a cookie and nothing that says where it comes from is refused, and what the browser says of it counts", async () => {
    const { sessions, site } = await started();
    const { token } = await sessions.create({ userId: "ada" });
    const { origin: _, ...without } = site.headers(token);
    expect(await site.refusal(without)).toMatchObject({ status: 403 });
    expect(await site.refusal(site.headers(token, { "sec-fetch-site": "cross-site" }))).toMatchObject({ status: 403 });
    (await site.open(token, { "sec-fetch-site": "same-origin" })).close();
  });

  test("H7 from another origin that is allowed by name gets in", async () => {
    const { sessions, site } = await started({ origins: ["https://app.example"] });
    const { token } = await sessions.create({ userId: "ada" });
    (await site.open(token, { origin: "https://app.example" })).close();
    expect(await site.refusal(site.headers(token, { origin: "https://app2.example" }))).toMatchObject({ status: 403 });
  });

  test("without a session, with a forged or ended one, or with nobody's is refused", async () => {
    const { sessions, site } = await started();
    const ended = await sessions.create({ userId: "ada" });
    await ended.session.revoke();
    const nobody = await sessions.create();
    const forged = `1${"A".repeat(92)}`;
    for (const token of [null, forged, ended.token, nobody.token]) {
      expect(await site.refusal(site.headers(token))).toMatchObject({ status: 401, body: { error: "login_required" } });
    }
  });

  test("of an anonymous session gets in where that is wanted, of none never", async () => {
    const { sessions, site } = await started({ anonymous: true });
    (await site.open((await sessions.create()).token)).close();
    expect(await site.refusal(site.headers(null))).toMatchObject({ status: 401 });
  });

  test("M4 while the store is down is answered 503, with when to try again", async () => {
    const { sessions, site, store, lines } = await started();
    const { token } = await sessions.create({ userId: "ada" });
    store.down = true;
    const refused = await site.refusal(site.headers(token));
    expect(refused).toEqual({ status: 503, body: { error: "store_unavailable" }, retryAfter: "1" });
    expect(lines).toEqual([expect.stringContaining("a WebSocket handshake was answered with 503")]);
    store.down = false;
    (await site.open(token)).close();
  });

  test("behind a proxy that ends TLS: refused with a hint, and let in when told the URL", async () => {
    const blind = await started();
    const { token } = await blind.sessions.create({ userId: "ada" });
    const host = "shop.example";
    const headers = { ...blind.site.headers(token), host, origin: `https://${host}` };
    expect(await blind.site.refusal(headers)).toMatchObject({ status: 403 });
    expect(blind.lines).toEqual([expect.stringContaining("the option url")]);
    const url = (request: IncomingMessage): string => `https://${request.headers.host}`;
    const told = await started({ url }, { development: false });
    const other = await told.sessions.create({ userId: "ada" });
    const client = await told.site.open(null, {
      host,
      origin: `https://${host}`,
      cookie: `__Host-Http-sid=${other.token}`,
    });
    client.close();
    expect(told.lines).toEqual([]);
  });

  test("by a bearer, where bearers are taken, needs no origin", async () => {
    const { sessions, site } = await started({}, { transport: { header: "authorization" } });
    const { token } = await sessions.create({ userId: "ada" });
    (await site.open(null, { origin: "https://elsewhere.example", authorization: `Bearer ${token}` })).close();
  });

  test.each(["a b", "[::1", "", "user@host"])("with the host %j harms nobody", async (host) => {
    const { sessions, site } = await started();
    const { token } = await sessions.create({ userId: "ada" });
    const socket = connect(site.port, "127.0.0.1");
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${host}\r\nOrigin: ${site.origin}\r\nCookie: sid-sojourn=${token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    expect(head.toString()).toMatch(/^HTTP\/1\.1 40[03] /);
    socket.destroy();
    (await site.open(token)).close();
  });

  test("H7 opened by hand, with an URL made of any Host header, is refused and throws nothing", async () => {
    const { sessions } = await started({}, { development: false });
    const { token } = await sessions.create({ userId: "ada" });
    const { open } = sojourn(sessions, { url: (request) => `https://${request.headers.host}` });
    for (const host of ["a b", "[::1", "a:99999", undefined]) {
      const headers = { host, origin: "https://shop.example", cookie: `__Host-Http-sid=${token}` };
      const { refused } = await open({ headers, socket: {} } as unknown as IncomingMessage);
      expect(refused).toMatchObject({ status: 403 });
    }
  });

  test("K1 without the fingerprint that its session is bound to is refused", async () => {
    const fingerprint = ({ headers }: IncomingMessage): string | undefined => headers["x-client"]?.toString();
    const { sessions, site } = await started({ fingerprint }, { binding: { onMismatch: "stepUp" } });
    const { token } = await sessions.create({ userId: "ada", binding: { fingerprint: "a" } });
    (await site.open(token, { "x-client": "a" })).close();
    expect(await site.refusal(site.headers(token))).toMatchObject({ status: 403, body: { error: "step_up_required" } });
  });

  test.each([true, false])("D1 keeps its session alive if it counts as activity: %s", async (counts) => {
    const { sessions, site, clock } = await started({ countsAsActivity: () => counts });
    const { token } = await sessions.create({ userId: "ada", policy: "temporary" });
    await clock.advance(4 * 60_000);
    (await site.open(token)).close();
    await clock.advance(4 * 60_000);
    expect((await sessions.validate(token)).valid).toBe(counts);
  });

  test("that is broken off while the store is asked harms nobody", async () => {
    const { sessions, site, store } = await started();
    const { token } = await sessions.create({ userId: "ada" });
    let asked: () => void = () => undefined;
    const asking = new Promise<void>((resolve) => {
      asked = resolve;
    });
    store.before.set("read", () => {
      asked();
      return sleep(30);
    });
    const socket = connect(site.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nOrigin: ${site.origin}\r\nCookie: sid-sojourn=${token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    );
    await asking;
    socket.resetAndDestroy();
    await sleep(60);
    store.before.clear();
    expect(site.wss.clients.size).toBe(0);
    (await site.open(token)).close();
  });
});

describe("a socket", () => {
  test("F7 closes when its session is revoked, with the code and the reason", async () => {
    const { sessions, site } = await started();
    const { token, session } = await sessions.create({ userId: "ada" });
    const client = await site.open(token);
    const closed = closing(client);
    await sessions.revoke(session.id, { reason: "stolen" });
    expect(await closed).toEqual({ code: 4401, reason: "session ended: stolen" });
  });

  test("F7 closes when its session expires, and not before", async () => {
    const { sessions, site, clock } = await started();
    const { token } = await sessions.create({ userId: "ada", policy: "temporary" });
    const client = await site.open(token);
    await clock.advance(4 * 60_000);
    await sleep(600);
    expect(client.readyState).toBe(client.OPEN);
    const closed = closing(client);
    await clock.advance(60_000 + 1);
    expect(await closed).toEqual({ code: 4401, reason: "session ended: expired" });
  });

  test("F7 closes when the session ended between the check and the watch", async () => {
    const { sessions, site, store } = await started();
    const { token, session } = await sessions.create({ userId: "ada" });
    store.before.set("read", async () => {
      store.before.clear();
      queueMicrotask(() => void setImmediate(() => void session.revoke()));
    });
    const client = await site.open(token);
    expect(await closing(client)).toMatchObject({ code: 4401 });
  });

  test("F7 of a client that ignores the closing brings no message any more, and is cut off", async () => {
    const { sessions, site } = await started();
    const { token, session } = await sessions.create({ userId: "ada" });
    const socket = connect(site.port, "127.0.0.1");
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\nOrigin: ${site.origin}\r\nCookie: sid-sojourn=${token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    await once(socket, "data");
    // "hi", masked with zeros.
    const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
    socket.write(frame);
    await expect.poll(() => site.messages.length).toBe(1);
    socket.on("error", () => undefined).resume();
    const cut = once(socket, "close");
    await session.revoke();
    for (let i = 0; i < 20 && !socket.destroyed; i++) {
      socket.write(frame);
      await sleep(10);
    }
    await cut;
    expect(site.messages.length).toBeLessThanOrEqual(2);
    await expect.poll(() => site.wss.clients.size).toBe(0);
  });

  test("F7 brings no message to whoever begins to listen after the end", async () => {
    const { sessions, site } = await started();
    const { token, session } = await sessions.create({ userId: "ada" });
    const client = await site.open(token);
    const [socket] = site.wss.clients;
    const closed = closing(client);
    await session.revoke();
    await expect.poll(() => socket?.readyState).toBe(client.CLOSING);
    const heard: unknown[] = [];
    socket?.on("message", (data) => heard.push(data));
    socket?.emit("message", Buffer.from("on its way"), false);
    await closed;
    expect(heard).toEqual([]);
  });

  test("D5, F7 closes when its session was not used for too long", async () => {
    const policies = { desk: { idle: "24h", absolute: "24h", lockAfter: "1h" } } as const;
    const { sessions, site, clock } = await started({}, { policies, defaultPolicy: "desk" });
    const client = await site.open((await sessions.create({ userId: "ada" })).token);
    const closed = closing(client);
    await clock.advance(61 * 60_000);
    expect(await closed).toEqual({ code: 4401, reason: "session ended: locked" });
  });

  test("that closes by itself is watched no more", async () => {
    const { sessions } = await started();
    const { session } = await sessions.create({ userId: "ada" });
    const calls: unknown[] = [];
    let leave: () => void = () => undefined;
    const socket: ClosableSocket = {
      close: (...args) => void calls.push(args),
      once: (_event, listener) => void (leave = listener),
    };
    sojourn(sessions).closeAtEnd(socket, session);
    leave();
    await session.revoke();
    await sleep(30);
    expect(calls).toEqual([]);
  });

  test("a long reason is cut to what a close frame holds, between characters", async () => {
    const { sessions, site } = await started();
    const { token, session } = await sessions.create({ userId: "ada" });
    const client = await site.open(token);
    const closed = closing(client);
    await sessions.revoke(session.id, { reason: "🦊".repeat(60) });
    const { reason } = await closed;
    expect(reason).toMatch(/^session ended: 🦊+$/u);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
  });
});
