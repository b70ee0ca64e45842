/** The shop's event stream and clients that are no browsers: what they do with their connection costs the shop nothing. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSessions, memoryStore, type Sessions, type Store } from "sojourn";
import { type ManualClock, manualClock, signIn } from "sojourn/testing";
import { afterEach, expect, test, vi } from "vitest";
import { createApp } from "../examples/shop/src/app.ts";
import { openUsers } from "../examples/shop/src/users.ts";

const SIGN_OF_LIFE_MS = 25_000;

let server: Server;
let clock: ManualClock;
let sessions: Sessions;
/** Waited for before a session is read. */
let beforeRead: () => Promise<void>;
/** Errors of responses: one that nobody listens to ends the process. */
let failures: unknown[];

async function startShop(): Promise<void> {
  failures = [];
  clock = manualClock();
  beforeRead = () => Promise.resolve();
  const secrets = [randomBytes(32).toString("base64url")];
  sessions = createSessions<Record<string, unknown>>({
    development: true,
    store: waiting(memoryStore({ clock })),
    clock,
    secrets,
    log: () => undefined,
  });
  const app = createApp(sessions, await openUsers());
  server = createServer((req, res: ServerResponse) => {
    res.on("error", (error) => failures.push(error));
    app(req, res);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
}

function waiting(store: Store): Store {
  const read: Store["read"] = async (id) => {
    await beforeRead();
    return store.read(id);
  };
  const member = (name: string | symbol): unknown => (name === "read" ? read : Reflect.get(store, name, store));
  return new Proxy(store, {
    get: (_target, name) => {
      const found = member(name);
      return typeof found === "function" ? (found.bind(store) as unknown) : found;
    },
  });
}

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  server.closeAllConnections();
  server.close();
  await sessions.close();
});

async function connected(): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

function listening(cookie: string): string {
  return `GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ${cookie}\r\n\r\n`;
}

test("F7 a stream behind another one of its connection ends with its session, and nothing is written to it afterwards", async () => {
  await startShop();
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const [first, second] = [await signIn(sessions, { userId: "ada" }), await signIn(sessions, { userId: "ada" })];
  const watches = vi.spyOn(sessions, "watch");
  const socket = await connected();
  socket.write(listening(first.cookie) + listening(second.cookie));
  await vi.waitFor(() => expect(watches).toHaveBeenCalledTimes(2));
  await sessions.revoke(second.session.id);
  await sleep(20);
  vi.advanceTimersByTime(2 * SIGN_OF_LIFE_MS);
  await sleep(20);
  expect(failures).toEqual([]);
  socket.destroy();
});

test("F7 a page that went while its session was read is not watched for", async () => {
  await startShop();
  const { cookie } = await signIn(sessions, { userId: "ada" });
  const watches = vi.spyOn(sessions, "watch");
  const handled = Promise.withResolvers<void>();
  const socket = await connected();
  beforeRead = async () => {
    socket.destroy();
    await sleep(50);
    handled.resolve();
  };
  socket.write(listening(cookie));
  await handled.promise;
  await sleep(20);
  expect(watches).not.toHaveBeenCalled();
});

test("D1 a page that listens again and again keeps no session alive", async () => {
  await startShop();
  const { cookie, session, token } = await signIn(sessions, { userId: "ada", policy: "temporary" });
  await clock.advance(4 * 60_000);
  const socket = await connected();
  socket.write(listening(cookie));
  await once(socket, "data");
  socket.destroy();
  await clock.advance(2 * 60_000);
  expect(await sessions.validate(token)).toMatchObject({ reason: "expired", ended: { at: session.expiresAt } });
});
