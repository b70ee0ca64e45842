/** Every page of the shop through axe, in both colour schemes, wide and narrow. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startChromium } from "./support/chromium.ts";
import { Shopper } from "./support/shopper.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";

// A browser shares two cores with a server or two.
vi.setConfig({ testTimeout: 60_000 });

let browser: Browser;
let folder: string;
let shop: ShopProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-browser-"));
  [browser, shop] = await Promise.all([startChromium(), startShop({ data: join(folder, "shop") })]);
});
afterAll(async () => {
  await Promise.all([browser.close(), shop.kill()]);
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ["light", "wide", { width: 1280, height: 800 }],
  ["dark", "narrow", { width: 390, height: 800 }],
] as const)("nothing serious or critical on any page: %s, %s", async (colorScheme, _, viewport) => {
  const shopper = await Shopper.in(await browser.newContext({ viewport, colorScheme }), shop.origin);
  const found: string[] = [];
  const check = async (path?: string): Promise<void> => {
    if (path !== undefined) await shopper.visit(path);
    const { violations, passes } = await new AxeBuilder({ page: shopper.page }).analyze();
    // Colours are what the schemes differ in: they must have been looked at, not passed over.
    expect(passes.map((rule) => rule.id)).toContain("color-contrast");
    for (const { id, impact, nodes } of violations) {
      if (impact !== "serious" && impact !== "critical") continue;
      found.push(...nodes.map((node) => `${shopper.page.url()}: ${id}: ${node.html}`));
    }
  };

  for (const path of ["/", "/cart", "/login", "/no-such-page"]) await check(path);
  await shopper.page.goto(`${shop.origin}/login`);
  await shopper.page.getByLabel("Name").fill("ada");
  await shopper.page.getByLabel("Password").fill("wrong");
  await shopper.press("Sign in");
  await shopper.page.getByRole("alert").waitFor();
  await check();
  await shopper.take("Harbour mug");
  await check();
  await check("/cart");
  await shopper.logIn("ada");
  await check();
  const elsewhere = await Shopper.in(await browser.newContext(), shop.origin);
  await elsewhere.logIn("ada");
  await elsewhere.press("Sign out everywhere else");
  await shopper.page.getByRole("dialog", { name: "You were signed out" }).waitFor();
  await check();
  await elsewhere.page.context().close();
  await shopper.page.context().close();
  expect(found).toEqual([]);
});
