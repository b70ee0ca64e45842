/** The main job as a user lives it, on the real shop: on sqlite and on Redis, through a crash. */

import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { heardIn } from "../packages/sojourn/test/support/at-rest.ts";
import { Monitor } from "../packages/sojourn/test/support/monitor.ts";
import { type RedisServer, startRedis } from "../packages/sojourn/test/support/redis-server.ts";
import { BrowserJar } from "./support/browser-jar.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";
import { SecretPieces } from "../packages/sojourn/test/support/secret-pieces.ts";

let redis: RedisServer;
let folder: string;
const started: ShopProcess[] = [];

beforeAll(async () => {
  redis = await startRedis(["--slowlog-log-slower-than", "0", "--slowlog-max-len", "10000"]);
  folder = await mkdtemp(join(tmpdir(), "sojourn-shop-"));
});
afterAll(async () => {
  await Promise.all(started.map((shop) => shop.kill()));
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each(["sqlite", "redis"] as const)("the shop on %s", (engine) => {
  const start = async (): Promise<ShopProcess> => {
    const shop = await startShop({
      data: join(folder, engine),
      ...(engine === "redis" ? { redisUrl: redis.url } : {}),
    });
    started.push(shop);
    return shop;
  };

  test("log in, fill the cart, crash, restart: still logged in; log out: the saved jar gets 401", async () => {
    let shop = await start();
    const browser = new BrowserJar(() => shop.origin);
    const monitor = await Monitor.on(redis.port);
    const tokens = new Set<string>();
    const note = (jar: BrowserJar): void => jar.cookies.forEach((value) => void tokens.add(value));

    const home = await browser.page("/");
    const [, productId = ""] = /name="productId" value="([^"]+)"/.exec(home) ?? [];
    expect(productId).not.toBe("");
    expect(browser.cookies.size).toBe(0);
    expect((await browser.post("/cart/items", { productId, quantity: "2" })).status).toBe(303);
    note(browser);
    const before = browser.copy();
    expect((await browser.post("/login", { username: "ada", password: "wrong" })).status).toBe(401);
    expect((await browser.post("/login", { username: "ada", password: "lovelace" })).status).toBe(303);
    note(browser);
    expect((await before.get("/account")).status).toBe(401);

    await shop.kill();
    shop = await start();
    const account = await browser.page("/account");
    expect(account).toContain("Ada");
    expect(account).toMatch(/This device/i);
    expect(await browser.page("/cart")).toContain('value="2"');

    const phone = new BrowserJar(() => shop.origin);
    await phone.post("/login", { username: "ada", password: "lovelace" });
    note(phone);
    expect((await browser.post("/account/sign-out-others")).status).toBe(303);
    expect((await phone.get("/account")).status).toBe(401);

    const saved = browser.copy();
    expect((await browser.post("/logout")).status).toBe(303);
    expect(browser.cookies.size).toBe(0);
    expect((await saved.get("/account")).status).toBe(401);
    expect(await shop.end("SIGINT")).toBe(0);

    const pieces = new SecretPieces(tokens);
    expect(pieces.size).toBeGreaterThan(100);
    const commands = await monitor.taken(async (text) => (await redis.admin()).echo(text));
    monitor.stop();
    expect(pieces.foundIn(heardIn(commands))).toEqual([]);
    expect(commands.some((each) => each.words[0] === "EVALSHA")).toBe(engine === "redis");
  });

  test("A5 no piece of a secret or MAC is at rest: keys, values, slow log, files", async () => {
    const shop = await start();
    const browser = new BrowserJar(() => shop.origin);
    const tokens: string[] = [];
    for (const username of ["ada", "grace", "linus"]) {
      const [, productId = ""] = /name="productId" value="([^"]+)"/.exec(await browser.page("/")) ?? [];
      await browser.post("/cart/items", { productId, quantity: "1" });
      tokens.push(...browser.cookies.values());
      await browser.post("/login", {
        username,
        password: { ada: "lovelace", grace: "hopper", linus: "torvalds" }[username] ?? "",
      });
      tokens.push(...browser.cookies.values());
      await browser.page("/account");
      browser.cookies.clear();
    }
    expect(new Set(tokens).size).toBe(6);
    const pieces = new SecretPieces(tokens);
    const atRest = engine === "redis" ? await everythingInRedis() : await everythingIn(join(folder, engine));
    expect(atRest.length).toBeGreaterThan(1000);
    expect(atRest).toContain("ada");
    expect(pieces.foundIn(atRest)).toEqual([]);
    expect(pieces.foundIn(shop.output.join(""))).toEqual([]);
    await shop.end("SIGTERM");
  });

  async function everythingInRedis(): Promise<string> {
    const client = await redis.admin();
    const dumps: string[] = [];
    for (const key of await client.keys("*")) {
      const dump = (await client.sendCommand(["DUMP", key], { typeMapping: { 36: Buffer } })) as unknown as Buffer;
      dumps.push(key, dump.toString("latin1"));
      if ((await client.type(key)) === "string") {
        dumps.push(
          ((await client.sendCommand(["GET", key], { typeMapping: { 36: Buffer } })) as unknown as Buffer).toString(
            "latin1",
          ),
        );
      }
    }
    return [...dumps, JSON.stringify(await client.sendCommand(["SLOWLOG", "GET", "-1"]))].join("\n");
  }

  async function everythingIn(data: string): Promise<string> {
    const files = (await readdir(data)).filter((name) => name !== "secret");
    const contents = await Promise.all(files.map((name) => readFile(join(data, name), "latin1")));
    return contents.join("\n");
  }
});

test("a taken port moves to the next and says so", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const shop = await startShop({ data: join(folder, "port"), port });
  expect(shop.output.join("")).toContain(`Port ${port} is taken`);
  expect(shop.origin).not.toBe(`http://localhost:${port}`);
  expect(await shop.end("SIGTERM")).toBe(0);
  taken.close();
});

test.each(["redis://127.0.0.1:1", "redis://no-such-host.invalid:6379", "http://example.com", "nonsense"])(
  "a wrong REDIS_URL (%s) is one clear sentence and exit code 1",
  async (redisUrl) => {
    const failure = await startShop({ data: join(folder, "wrong"), redisUrl }).then(
      () => null,
      (error: Error) => error.message,
    );
    expect(failure).toMatch(/^the shop ended with 1: .*Redis|^the shop ended with 1: .*REDIS_URL/i);
    expect(failure?.trim().split("\n")).toHaveLength(1);
    expect(failure).not.toMatch(/\bat .*:\d+:\d+/);
  },
);
