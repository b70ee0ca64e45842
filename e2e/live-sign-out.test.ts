/** A page that is open says that its session has ended, though it was ended on another server of the shop. In Chromium. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions, Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type RedisServer, startRedis } from "../packages/sojourn/test/support/redis-server.ts";
import { startChromium } from "./support/chromium.ts";
import { DESKTOP, Shopper, TABLET } from "./support/shopper.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";

// A browser shares two cores with a server or two.
vi.setConfig({ testTimeout: 60_000 });

let browser: Browser;
let redis: RedisServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-live-"));
  [browser, redis] = await Promise.all([startChromium(), startRedis()]);
});
afterAll(async () => {
  await browser.close();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each(["sqlite", "redis"] as const)("two servers of the shop on %s", (engine) => {
  let here: ShopProcess;
  let there: ShopProcess;
  let shoppers: Shopper[] = [];

  beforeAll(async () => {
    const options = { data: join(folder, engine), ...(engine === "redis" ? { redisUrl: redis.url } : {}) };
    here = await startShop(options);
    there = await startShop(options);
  });
  afterEach(async () => {
    const complaints = shoppers.flatMap((shopper) => shopper.complaints);
    await Promise.all(shoppers.map((shopper) => shopper.page.context().close()));
    shoppers = [];
    expect(complaints).toEqual([]);
  });
  afterAll(() => Promise.all([here.kill(), there.kill()]));

  async function shopperAt(shop: ShopProcess, device: BrowserContextOptions = DESKTOP): Promise<Shopper> {
    const shopper = await Shopper.in(await browser.newContext(device), shop.origin);
    shoppers.push(shopper);
    return shopper;
  }

  function dialogOf({ page }: Shopper): Locator {
    return page.getByRole("dialog", { name: "You were signed out" });
  }

  test("F7 signed out from another device: the open page says so at once, and leads to the login", async () => {
    const [ada, elsewhere] = [await shopperAt(here), await shopperAt(there, TABLET)];
    await ada.logIn("ada");
    await ada.visit("/cart");
    await elsewhere.logIn("ada");
    expect(await dialogOf(ada).isVisible()).toBe(false);
    await elsewhere.press("Sign out everywhere else");
    await dialogOf(ada).waitFor();
    await ada.page.getByText("You signed this device out from another one.").waitFor();

    await ada.page.keyboard.press("Escape");
    await ada.page.keyboard.press("Escape");
    expect(await dialogOf(ada).isVisible()).toBe(true);
    await dialogOf(ada).getByRole("link", { name: "Sign in" }).click();
    expect(await ada.heading()).toBe("Sign in");
  });

  test("two tabs of a browser: signing out in one tells the other, and not the one that asked", async () => {
    const tab = await shopperAt(here);
    await tab.logIn("grace");
    const other = new Shopper(await tab.page.context().newPage(), here.origin);
    shoppers.push(other);
    await other.visit("/account");
    // Headless pages are all visible.
    await tab.visit("/account");
    let seen = false;
    void dialogOf(tab)
      .waitFor({ timeout: 5_000 })
      .then(
        () => (seen = true),
        () => undefined,
      );
    await tab.press("Sign out");
    await tab.page.getByText("You are signed out.").waitFor();
    await dialogOf(other).waitFor();
    await other.page.getByText("You signed out in this browser.").waitFor();
    expect(seen).toBe(false);
  });

  test("a page that was hidden while its session ended says so when it is looked at again", async () => {
    const [linus, elsewhere] = [await shopperAt(here), await shopperAt(there)];
    await linus.logIn("linus");
    await linus.visit("/");
    const look = (hidden: boolean): Promise<unknown> =>
      linus.page.evaluate(`
        Object.defineProperty(document, "hidden", { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
      `);
    await look(true);
    await elsewhere.logIn("linus");
    await elsewhere.press("Sign out everywhere else");
    await elsewhere.page.getByText("Only this device is left.").waitFor();
    expect(await dialogOf(linus).isVisible()).toBe(false);
    await look(false);
    await dialogOf(linus).waitFor();
    await linus.page.getByText("You are no longer signed in on this device.").waitFor();
  });

  test("who is not signed in listens to nothing", async () => {
    const visitor = await shopperAt(here);
    const asked: string[] = [];
    visitor.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await visitor.take("Harbour mug");
    expect(asked).not.toContain("/live");
    expect(asked).not.toContain("/live.js");
  });
});
