/** The shop as people use it, in a real Chromium: a desktop and a phone without scripts, through a crash. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type RedisServer, startRedis } from "../packages/sojourn/test/support/redis-server.ts";
import { startChromium } from "./support/chromium.ts";
import { DESKTOP, PASSWORDS, PHONE, Shopper, TABLET } from "./support/shopper.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";

// A browser shares two cores with a server or two.
vi.setConfig({ testTimeout: 60_000 });

let browser: Browser;
let redis: RedisServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-browser-"));
  [browser, redis] = await Promise.all([startChromium(), startRedis()]);
});
afterAll(async () => {
  await browser.close();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each(["sqlite", "redis"] as const)("the shop on %s, in Chromium", (engine) => {
  let shop: ShopProcess;
  let shoppers: Shopper[] = [];

  const start = (port = 0): Promise<ShopProcess> =>
    startShop({ data: join(folder, engine), port, ...(engine === "redis" ? { redisUrl: redis.url } : {}) });

  async function shopperWith(device: BrowserContextOptions): Promise<Shopper> {
    const shopper = await Shopper.in(await browser.newContext(device), shop.origin);
    shoppers.push(shopper);
    return shopper;
  }

  beforeAll(async () => {
    shop = await start();
  });
  afterEach(async () => {
    const complaints = shoppers.flatMap((shopper) => shopper.complaints);
    await Promise.all(shoppers.map((shopper) => shopper.page.context().close()));
    shoppers = [];
    expect(complaints).toEqual([]);
  });
  afterAll(() => shop.kill());

  test("a cart filled before the login comes along, and to the second device too", async () => {
    const [desktop, phone] = [await shopperWith(DESKTOP), await shopperWith(PHONE)];
    await desktop.visit("/");
    expect(await desktop.sessionCookie()).toBeUndefined();
    await desktop.take("Harbour mug");
    await desktop.take("Harbour mug");
    const anonymous = await desktop.sessionCookie();
    await desktop.logIn("grace");
    expect((await desktop.sessionCookie())?.value).not.toBe(anonymous?.value);
    expect(await desktop.inCart("Harbour mug")).toBe(2);

    await phone.take("Porch lantern");
    await phone.logIn("grace");
    expect(await phone.inCart("Porch lantern")).toBe(1);
    expect(await phone.inCart("Harbour mug")).toBe(2);
  });

  test("both devices are listed, and one that the other signs out is out at its next click", async () => {
    const [desktop, phone] = [await shopperWith(DESKTOP), await shopperWith(PHONE)];
    await desktop.logIn("ada");
    await phone.logIn("ada");
    const [desktopAgent, phoneAgent] = [DESKTOP.userAgent, PHONE.userAgent];
    expect(await desktop.devices()).toEqual([
      { userAgent: desktopAgent, current: true },
      { userAgent: phoneAgent, current: false },
    ]);
    expect(await phone.devices()).toEqual([
      { userAgent: phoneAgent, current: true },
      { userAgent: desktopAgent, current: false },
    ]);

    await desktop.press(/^Sign out .+ on Android$/);
    await desktop.page.getByText("That device is signed out.").waitFor();
    await phone.go("Ada Lovelace");
    expect(await phone.heading()).toBe("Sign in");
    expect(await desktop.devices()).toEqual([{ userAgent: desktopAgent, current: true }]);

    await phone.logIn("ada");
    const tablet = await shopperWith(TABLET);
    await tablet.logIn("ada");
    await desktop.visit("/account");
    await desktop.press("Sign out everywhere else");
    await desktop.page.getByText("Only this device is left.").waitFor();
    await phone.go("Ada Lovelace");
    expect(await phone.heading()).toBe("Sign in");
    await tablet.page.getByRole("dialog").getByRole("link", { name: "Sign in" }).click();
    expect(await tablet.heading()).toBe("Sign in");
    expect(await desktop.devices()).toEqual([{ userAgent: desktopAgent, current: true }]);
  });

  test("killed and started again, the shop knows everybody and their carts", async () => {
    const [desktop, phone] = [await shopperWith(DESKTOP), await shopperWith(PHONE)];
    await desktop.logIn("linus");
    await desktop.take("Travel clock");
    await phone.take("Weekend case");
    const before = shop.origin;
    await phone.page.waitForLoadState("networkidle");
    await shop.kill();
    shop = await start(Number(new URL(before).port));
    expect(shop.origin).toBe(before);

    await desktop.go("Linus Torvalds");
    expect(await desktop.heading()).toBe("Hello, Linus Torvalds");
    expect(await desktop.inCart("Travel clock")).toBe(1);
    await phone.go("Cart");
    expect(await phone.inCart("Weekend case")).toBe(1);
    await phone.logIn("linus");
    expect(await phone.inCart("Weekend case")).toBe(1);
  });

  test("K1 a cookie that turns up in another browser asks both for the password; the owner goes on as before", async () => {
    const [desktop, phone, thief] = [await shopperWith(DESKTOP), await shopperWith(PHONE), await shopperWith(TABLET)];
    await desktop.logIn("ada");
    await phone.logIn("ada");
    await phone.take("Porch lantern");
    await thief.page.context().addCookies(await phone.page.context().cookies());
    await thief.visit("/account");
    expect(await thief.heading()).toBe("Is it you?");
    await thief.page.getByLabel("Name").fill("ada");
    await thief.page.getByLabel("Password").fill("a guess");
    await thief.press("It is me");
    await thief.page.getByRole("alert").waitFor();
    expect(thief.complaints.splice(0)).toEqual([expect.stringContaining("401 (Unauthorized)")]);

    await desktop.visit("/account");
    expect(await desktop.page.getByText("Locked").count()).toBe(1);
    await desktop.page.getByText("a wrong password was given for your name once").waitFor();
    await phone.visit("/cart");
    expect(await phone.heading()).toBe("Is it you?");
    await phone.page.getByLabel("Name").fill("ada");
    await phone.page.getByLabel("Password").fill(PASSWORDS.ada);
    await phone.press("It is me");
    await phone.page.getByText("Everything is as you left it.").waitFor();
    expect(await phone.inCart("Porch lantern")).toBe(1);
    await thief.visit("/account");
    expect(await thief.heading()).toBe("Sign in");
    await desktop.visit("/account");
    expect(await desktop.page.getByText("Locked").count()).toBe(0);
  });

  test("C1 after the logout the back button shows nobody's account", async () => {
    const desktop = await shopperWith(DESKTOP);
    await desktop.take("Map of nowhere");
    await desktop.logIn("linus");
    await desktop.visit("/cart");
    await desktop.go("Linus Torvalds");
    await desktop.press("Sign out");
    await desktop.page.getByText("You are signed out.").waitFor();
    expect(await desktop.page.context().cookies()).toEqual([]);

    await desktop.page.goBack();
    expect(await desktop.heading()).toBe("Sign in");
    await desktop.page.goBack();
    expect(await desktop.heading()).toBe("Your cart is empty");
    expect(await desktop.page.content()).not.toContain("Linus");
  });
});
