/** What the shop leaves behind, wherever somebody might look for tokens: the store, its traffic, the shop's own output. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { atRestIn, heardIn, KEEPS_EVERYTHING } from "../packages/sojourn/test/support/at-rest.ts";
import { Monitor } from "../packages/sojourn/test/support/monitor.ts";
import { type RedisServer, startRedis } from "../packages/sojourn/test/support/redis-server.ts";
import { SecretPieces } from "../packages/sojourn/test/support/secret-pieces.ts";
import { BrowserJar } from "./support/browser-jar.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";
import { PASSWORDS } from "./support/shopper.ts";

vi.setConfig({ testTimeout: 120_000 });

const VISITORS = 1_000;
const AT_ONCE = 20;
/** As chatty as Node and every library that follows `DEBUG` can be. */
const CHATTY = { DEBUG: "*", NODE_DEBUG: "net,http,https,tls,stream,timer,module" };

let redis: RedisServer;
let folder: string;
let shop: ShopProcess | null = null;

beforeAll(async () => {
  redis = await startRedis(KEEPS_EVERYTHING);
  folder = await mkdtemp(join(tmpdir(), "sojourn-at-rest-"));
});
afterAll(async () => {
  await shop?.kill();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

test.each(["sqlite", "redis"] as const)(
  "A5 L2 the shop on %s, talkative, after a story and 1,000 more tokens: no piece of one anywhere, and nothing that logs in",
  async (engine) => {
    const data = join(folder, engine);
    const started = await startShop({ data, env: CHATTY, ...(engine === "redis" ? { redisUrl: redis.url } : {}) });
    shop = started;
    const origin = (): string => started.origin;
    const monitor = await Monitor.on(redis.port);
    const tokens = new Set<string>();
    const note = (jar: BrowserJar): void => jar.cookies.forEach((value) => void tokens.add(value));

    for (const [username, password] of Object.entries(PASSWORDS)) {
      const browser = new BrowserJar(origin);
      await fillCart(browser);
      note(browser);
      expect((await browser.post("/login", { username, password })).status).toBe(303);
      note(browser);
      expect(await browser.page("/account")).toMatch(/This device/i);
      if (username === "linus") await browser.post("/logout");
    }
    for (let done = 0; done < VISITORS; done += AT_ONCE) {
      const jars = Array.from({ length: AT_ONCE }, () => new BrowserJar(origin));
      await Promise.all(jars.map(fillCart));
      jars.forEach(note);
    }
    expect(tokens.size).toBe(VISITORS + 6);

    const heard = heardIn(await monitor.taken(async (text) => (await redis.admin()).echo(text)));
    monitor.stop();
    const stored = engine === "redis" ? await atRestIn(redis) : await filesIn(data);
    const output = Buffer.from(started.output.join(""), "latin1");
    const pieces = new SecretPieces(tokens);
    expect(pieces.foundIn(Buffer.concat([stored, heard]))).toEqual([]);
    expect(output.toString("latin1")).toMatch(/^(?:NET|HTTP) \d+:/m);
    expect(pieces.foundIn(output)).toEqual([]);

    const strings = new Set(
      Buffer.concat([stored, heard, output])
        .toString("latin1")
        .match(/[A-Za-z0-9_-]{12,}/g),
    );
    expect(strings.size).toBeGreaterThan(VISITORS);
    expect(await started.end("SIGTERM")).toBe(0);
    // The same data behind a quiet shop, which answers faster.
    shop = await startShop({ data, ...(engine === "redis" ? { redisUrl: redis.url } : {}) });
    expect(await logins(shop.origin, [...strings])).toEqual([]);
    await shop.kill();
  },
);

async function fillCart(browser: BrowserJar): Promise<void> {
  expect((await browser.post("/cart/items", { productId: "harbour-mug", quantity: "1" })).status).toBe(303);
}

/** Which of these, as the session cookie, are answered as somebody's session. */
async function logins(origin: string, strings: readonly string[]): Promise<string[]> {
  const accepted: string[] = [];
  for (let i = 0; i < strings.length; i += AT_ONCE) {
    const tried = strings.slice(i, i + AT_ONCE).map(async (each) => {
      const { status } = await fetch(`${origin}/account`, { headers: { cookie: `sid-sojourn=${each}` } });
      if (status !== 401) accepted.push(each);
    });
    await Promise.all(tried);
  }
  return accepted;
}

async function filesIn(data: string): Promise<Buffer> {
  const files = (await readdir(data)).filter((name) => name !== "secret");
  return Buffer.concat(await Promise.all(files.map((name) => readFile(join(data, name)))));
}
