/** How many Redis commands each operation takes, asked (design budget) and counted on a real server behind real HTTP. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { sojourn } from "../../src/adapters/express.ts";
import { createSessions, type Sessions } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { ageRedisKeys, manualClock } from "../../src/testing/manual-clock.ts";
import "../../src/adapters/express-augment.ts";
import { measureCompat } from "./compat-commands.ts";
import { isCutOffFetch, Monitor } from "./monitor.ts";
import { PATIENT, startRedis } from "./redis-server.ts";
import { TEST_SECRET } from "./secrets.ts";

export interface CommandRow {
  readonly operation: string;
  readonly asked: string;
  readonly counted: string;
}

interface Shop {
  readonly origin: string;
  request(method: string, path: string, cookie?: string): Promise<Response>;
}

const FORGED = `1${"A".repeat(92)}`;

/** Starts a server and a Redis of its own, and ends both. */
export async function measureCommands(): Promise<CommandRow[]> {
  const redis = await startRedis();
  const [client, admin] = [await redis.client(), await redis.admin()];
  const clock = manualClock();
  clock.onAdvance(ageRedisKeys(admin));
  const sessions = createSessions({
    store: redisStore(client, { clock, deadline: PATIENT }),
    secrets: [TEST_SECRET],
    development: true,
    log: () => undefined,
    rotation: { every: "2h" },
    background: false,
    clock,
  });
  await sessions.ready();
  const http = shopApp(sessions).listen(0, "127.0.0.1");
  await once(http, "listening");
  const shop = shopAt((http.address() as AddressInfo).port);
  const monitor = await Monitor.on(redis.port);
  const rows: CommandRow[] = [];
  const measure: Measure = async (operation, asked, work, cutOffs) => {
    await monitor.taken((text) => admin.echo(text));
    await work();
    const commands = (await monitor.taken((text) => admin.echo(text))).filter((each) => each.fromClient);
    const own = commands.filter((each) => !isCutOffFetch(each));
    const fetches = commands.length - own.length;
    const counted = summary(own.map((each) => each.words[0] ?? ""));
    rows.push({
      operation,
      asked,
      counted: cutOffs === "counted" ? `${counted} + ${fetches} GET of cut-offs` : counted,
    });
  };
  try {
    await measureAll(measure, shop, (ms) => clock.advance(ms));
    await measureCompat(measure, sessions, (ms) => clock.advance(ms));
  } finally {
    monitor.stop();
    http.close();
    http.closeAllConnections();
    await sessions.close();
    await redis.stop();
  }
  return rows;
}

/** @param cutOffs "counted": with their fetch, which belongs to the first read of a second and not to the operation */
export type Measure = (
  operation: string,
  asked: string,
  work: () => Promise<unknown>,
  cutOffs?: "counted",
) => Promise<void>;

async function measureAll(measure: Measure, shop: Shop, advance: (ms: number) => Promise<void>): Promise<void> {
  let cookie = "";
  let anonymous = "";
  await measure("anonymous", "0", () => shop.request("GET", "/"));
  await measure("forged", "0", () => shop.request("GET", "/", `sid-sojourn=${FORGED}`));
  await measure("login without a session before", "1 script", async () => {
    cookie = cookieOf(await shop.request("POST", "/login"));
  });
  await measure("valid read", "1 GET", () => shop.request("GET", "/", cookie));
  await advance(1_000);
  await measure(
    "first valid read of a second, in one round trip",
    "1 GET + 1 GET of cut-offs",
    () => shop.request("GET", "/", cookie),
    "counted",
  );
  await measure("one write", "1 GET + 1 script", () => shop.request("POST", "/write", cookie));
  await measure("two writes of one tick", "1 GET + 1 script", () => shop.request("POST", "/two-writes", cookie));
  await advance(31_000);
  await measure(
    "read that finds clock and salt unchecked for 30 s (the checks are not awaited)",
    "1 GET + TIME + HSETNX + HMGET",
    () => shop.request("GET", "/", cookie),
  );
  await advance(11 * 60_000);
  // Takes the next such check upon itself, so that the rows below show their operations alone.
  await shop.request("POST", "/write");
  await measure("first write of an anonymous visitor", "1 script", async () => {
    anonymous = cookieOf(await shop.request("POST", "/write"));
  });
  await measure("first return of an anonymous visitor (once)", "1 GET + 1 script", () =>
    shop.request("GET", "/", anonymous),
  );
  await measure("second return of an anonymous visitor", "1 GET", () => shop.request("GET", "/", anonymous));
  await measure("touch due", "1 GET + 1 script", () => shop.request("GET", "/", cookie));
  await measure("touch not due again", "1 GET", () => shop.request("GET", "/", cookie));
  await measure("login from an anonymous session (the request's own read is 1 GET)", "2 GET + 2 script", async () => {
    cookie = cookieOf(await shop.request("POST", "/login", anonymous));
  });
  cookie = await measureRenewals(measure, shop, cookie, advance);
  await measure("logout (the request's own read is 1 GET)", "1 GET + 1 script", () =>
    shop.request("POST", "/logout", cookie),
  );
  await measure("dead session", "2 GET", () => shop.request("GET", "/", cookie));
}

/** Renewals, by the application and by `rotation.every`; answers the cookie in the end. */
async function measureRenewals(
  measure: Measure,
  shop: Shop,
  old: string,
  advance: (ms: number) => Promise<void>,
): Promise<string> {
  let current = "";
  await measure("rotate() (the request's own read is 1 GET)", "2 GET + 1 script", async () => {
    current = cookieOf(await shop.request("POST", "/rotate", old));
  });
  await measure("read with the old token while its successor is pending", "1 GET", () => shop.request("GET", "/", old));
  await measure("first read with the successor: its confirmation (once)", "1 GET + 1 script", () =>
    shop.request("GET", "/", current),
  );
  await measure("second read with the successor", "1 GET", () => shop.request("GET", "/", current));
  await measure("read with the old token in its grace", "1 GET", () => shop.request("GET", "/", old));
  await advance(115 * 60_000);
  await shop.request("GET", "/", current);
  await advance(6 * 60_000);
  await shop.request("POST", "/write");
  await measure("renewal that is due", "1 GET + 1 script", () => shop.request("GET", "/", current));
  let next = "";
  await measure("step-up (the request's own read is 1 GET)", "2 GET + 1 script", async () => {
    next = cookieOf(await shop.request("POST", "/step-up", current));
  });
  return next;
}

function shopApp(sessions: Sessions): express.Express {
  const app = express();
  app.use(sojourn(sessions));
  app.get("/", (req, res) => void res.send(String(req.session.userId)));
  app.post("/write", async (req, res) => void res.send(String(await req.session.set("a", 1))));
  app.post("/two-writes", async (req, res) => {
    await Promise.all([req.session.set("a", 2), req.session.set("b", 2)]);
    res.send("ok");
  });
  app.post("/login", async (req, res) => void res.send((await req.session.login({ userId: "ada", keep: ["a"] })).id));
  app.post("/rotate", async (req, res) => void res.send((await req.session.rotate())?.id));
  app.post("/step-up", async (req, res) => {
    res.send((await req.session.reauthenticate({ userId: "ada", aal: 2 }))?.id);
  });
  app.post("/logout", async (req, res) => void res.send(String(await req.session.logout())));
  return app;
}

function shopAt(port: number): Shop {
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    request: (method, path, cookie) =>
      fetch(origin + path, { method, headers: { origin, ...(cookie === undefined ? {} : { cookie }) } }),
  };
}

function cookieOf(response: Response): string {
  return (response.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
}

function summary(commands: readonly string[]): string {
  const names = commands.map((name) => (name.toUpperCase() === "EVALSHA" ? "script" : name.toUpperCase()));
  const counts = ["GET", "script"].flatMap((name) => {
    const n = names.filter((each) => each === name).length;
    return n === 0 ? [] : [`${n} ${name}`];
  });
  const others = names.filter((name) => name !== "GET" && name !== "script");
  return [...counts, ...others].join(" + ") || "0";
}
