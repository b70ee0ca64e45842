/** The App Router of a real Next.js, in Chromium. Not among `npm test`: Next.js is 369 MB. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startChromium } from "../support/chromium.ts";
import { NextApp } from "./next-app.ts";

let browser: Browser;
let app: NextApp;

beforeAll(async () => {
  [browser, app] = [await startChromium(), await NextApp.start()];
}, 300_000);
afterAll(async () => {
  await browser.close();
  await app.stop();
});

async function signedIn(name: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${app.origin}/login`);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await heading(page, `Hello, ${name}`);
  return page;
}

function heading(page: Page, name: string): Promise<void> {
  return page.getByRole("heading", { name, exact: true }).waitFor();
}

test("a server action logs in, a server component shows the name, and what an action writes is there for the next page", async () => {
  const page = await signedIn("Ada");
  for (const counted of [1, 2]) {
    await page.getByRole("button", { name: "Count" }).click();
    await page.getByText(`Counted: ${counted}`, { exact: true }).waitFor();
  }
  await page.reload();
  expect(await page.getByText("Counted: 2", { exact: true }).isVisible()).toBe(true);
  const cookies = await page.context().cookies();
  expect(
    cookies.map(({ name, httpOnly, secure, sameSite, path }) => ({ name, httpOnly, secure, sameSite, path })),
  ).toEqual([{ name: "__Host-Http-sid", httpOnly: true, secure: true, sameSite: "Lax", path: "/" }]);
  await page.context().close();
});

test("a sign-out is seen in another tab, which nobody touches, and by a copy of the cookie", async () => {
  const page = await signedIn("Grace");
  const other = await page.context().newPage();
  const stream = other.waitForResponse((response) => response.url().endsWith("/ended"));
  await other.goto(app.origin);
  await heading(other, "Hello, Grace");
  expect((await stream).headers()["content-type"]).toBe("text/event-stream");
  const thief = await browser.newContext();
  await thief.addCookies(await page.context().cookies());

  await page.getByRole("button", { name: "Sign out" }).click();
  await heading(page, "Hello, nobody");
  await heading(other, "Hello, nobody");
  expect(await page.context().cookies()).toEqual([]);
  const copied = await thief.newPage();
  await copied.goto(app.origin);
  await heading(copied, "Hello, nobody");
  await Promise.all([page.context().close(), thief.close()]);
});

test("without JavaScript the actions are plain forms, and work", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${app.origin}/login`);
  await page.getByLabel("Name").fill("Edsger");
  await page.getByRole("button", { name: "Sign in" }).click();
  await heading(page, "Hello, Edsger");
  await page.getByRole("button", { name: "Sign out" }).click();
  await heading(page, "Hello, nobody");
  await context.close();
});

test("H1: an action of a page of another site does not run", async () => {
  const page = await signedIn("Alan");
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const html = await (await fetch(app.origin, { headers: { Cookie: cookie } })).text();
  const signOut = html.match(/\$ACTION_ID_\w+/g)?.at(-1) ?? "";
  const posted = async (headers: Record<string, string>): Promise<number> => {
    const body = new FormData();
    body.set(signOut, "");
    const init = { method: "POST", headers: { Cookie: cookie, ...headers }, body, redirect: "manual" } as const;
    return (await fetch(app.origin, init)).status;
  };
  // The first is refused by Next.js, by its Origin; the second by Sojourn.
  expect(await posted({ Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" })).toBe(500);
  expect(await posted({ "Sec-Fetch-Site": "cross-site" })).toBe(500);
  await page.reload();
  await heading(page, "Hello, Alan");
  expect(await posted({ "Sec-Fetch-Site": "same-origin" })).toBe(303);
  await heading(page, "Hello, nobody");
  await page.context().close();
});
