/** What a real Chromium does with the session cookie, and what it lets other sites do with the shop. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startChromium, startChromiumOn } from "./support/chromium.ts";
import { type OtherSite, startOtherSite } from "./support/other-site.ts";
import { DESKTOP, SESSION_COOKIE, Shopper } from "./support/shopper.ts";
import { SecretPieces } from "../packages/sojourn/test/support/secret-pieces.ts";
import { type ShopProcess, startShop } from "./support/shop-process.ts";

// A browser shares two cores with a server or two.
vi.setConfig({ testTimeout: 60_000 });

let browser: Browser;
let folder: string;
let shop: ShopProcess;
let other: OtherSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-browser-"));
  [browser, shop, other] = await Promise.all([
    startChromium(),
    startShop({ data: join(folder, "shop") }),
    startOtherSite(),
  ]);
});
afterAll(async () => {
  await Promise.all([browser.close(), shop.kill(), other.close()]);
  await rm(folder, { recursive: true, force: true });
});

describe("somebody who is logged in, with a lantern in the cart", () => {
  let ada: Shopper;
  let cookie: string;

  // One login for all: that nothing changes is what they show.
  beforeAll(async () => {
    ada = await Shopper.in(await browser.newContext(DESKTOP), shop.origin);
    await ada.take("Porch lantern");
    await ada.logIn("ada");
    cookie = (await ada.sessionCookie())?.value ?? "";
    expect(cookie).toHaveLength(93);
  });
  afterAll(() => ada.page.context().close());

  async function expectNothingChanged(): Promise<void> {
    expect((await ada.sessionCookie())?.value).toBe(cookie);
    expect(await ada.inCart("Porch lantern")).toBe(1);
    expect(await ada.inCart("Weekend case")).toBe(0);
    await ada.visit("/account");
    expect(await ada.heading()).toBe("Hello, Ada Lovelace");
  }

  /** Opens a page of the other site in a new tab; answers the first request it makes to the shop, when that is answered. */
  async function lure(relation: "cross-site" | "same-site", page: string): Promise<Attempt> {
    other.pages.set("/", page);
    const tab = await ada.page.context().newPage();
    const sent = tab.waitForRequest((request) => request.url().startsWith(shop.origin));
    await tab.goto(other.address(relation, "/"), { waitUntil: "commit" });
    const request = await sent;
    const status = (await request.response())?.status();
    const headers = await request.allHeaders();
    await tab.close();
    return { method: request.method(), status, site: headers["sec-fetch-site"], withSession: hasSession(headers) };
  }

  test("B3 no script and no page gets to see the session cookie", async () => {
    const pieces = new SecretPieces([cookie]);
    for (const path of ["/", "/cart", "/account", "/no-such-page"]) {
      await ada.visit(path);
      expect(await ada.page.evaluate("document.cookie")).toBe("");
      expect(pieces.foundIn(await ada.page.content())).toEqual([]);
    }
    expect((await ada.sessionCookie())?.httpOnly).toBe(true);
    await ada.page.evaluate(`document.cookie = "${SESSION_COOKIE}=stolen; Path=/"`);
    await expectNothingChanged();
  });

  describe.each(["cross-site", "same-site"] as const)("a %s page that sends a form by itself", (relation) => {
    test.each([
      ["/logout", {}],
      ["/cart/items", { productId: "weekend-case", quantity: "1" }],
      ["/account/sign-out-others", {}],
    ])("H1 to %s gets 403 and changes nothing", async (path, fields) => {
      // On another port of the same host SameSite does not help: only the check of where a request comes from does.
      const withSession = relation === "same-site";
      const attempt = await lure(relation, selfSendingForm(shop.origin + path, fields));
      expect(attempt).toEqual({ method: "POST", status: 403, site: relation, withSession });
      await expectNothingChanged();
    });
  });

  test.each([
    ["form", (address: string) => selfSendingForm(address, {})],
    ["image", (address: string) => `<img src="${address}">`],
    ["frame", (address: string) => `<iframe src="${address}"></iframe>`],
    ["fetch", (address: string) => `<script>fetch("${address}", { mode: "no-cors", credentials: "include" })</script>`],
  ])("B4 what a cross-site page makes the browser send carries no cookie: %s", async (_, page) => {
    // Cookies know no ports: what goes to any server on the shop's host has the shop's cookie, or has not.
    const target = other.address("same-site", "/target");
    other.pages.set("/", page(target));
    const tab = await ada.page.context().newPage();
    const received = other.requestFor("/target");
    await tab.goto(other.address("cross-site", "/"), { waitUntil: "commit" });
    const { headers } = await received;
    expect([headers["sec-fetch-site"], headers.cookie]).toEqual(["cross-site", undefined]);

    // A tab of its own: the form may still be taking the first one somewhere.
    await tab.close();
    const controlTab = await ada.page.context().newPage();
    const control = other.requestFor("/target");
    await controlTab.goto(other.address("same-site", "/"), { waitUntil: "commit" });
    expect((await control).headers.cookie).toContain(cookie);
    await controlTab.close();
  });

  test("B4 the shop's own form carries it, and so does a link on another site", async () => {
    const form = ada.page.waitForRequest((request) => request.method() === "POST");
    await ada.take("Harbour mug");
    const own = await (await form).allHeaders();
    expect([own["sec-fetch-site"], hasSession(own)]).toEqual(["same-origin", true]);

    other.pages.set("/", `<a href="${shop.origin}/account">Your account</a>`);
    await ada.page.goto(other.address("cross-site", "/"));
    const click = ada.page.waitForRequest(`${shop.origin}/account`);
    await ada.page.getByRole("link").click();
    const linked = await (await click).allHeaders();
    expect([linked["sec-fetch-site"], hasSession(linked)]).toEqual(["cross-site", true]);
    expect(await ada.heading()).toBe("Hello, Ada Lovelace");
  });
});

test("B6 a login ends with the browser, unless it was to be kept", async () => {
  const profile = join(folder, "profile");
  const afterRestart = async (remember: boolean): Promise<string> => {
    const context = await startChromiumOn(profile);
    await (await Shopper.in(context, shop.origin)).logIn("grace", { remember });
    await context.close();
    const again = await startChromiumOn(profile);
    const shopper = await Shopper.in(again, shop.origin);
    await shopper.visit("/account");
    const heading = await shopper.heading();
    await again.close();
    return heading;
  };
  expect(await afterRestart(false)).toBe("Sign in");
  expect(await afterRestart(true)).toBe("Hello, Grace Hopper");
});

interface Attempt {
  readonly method: string;
  readonly status: number | undefined;
  readonly site: string | undefined;
  readonly withSession: boolean;
}

function hasSession(headers: Record<string, string>): boolean {
  return (headers["cookie"] ?? "").includes(`${SESSION_COOKIE}=`);
}

function selfSendingForm(action: string, fields: Record<string, string>): string {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
  return `<form method="post" action="${action}">${inputs.join("")}</form><script>document.forms[0].submit()</script>`;
}
