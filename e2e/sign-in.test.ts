/** `signIn` of sojourn/testing in a real browser: the page is the user's without the login page. */

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import "sojourn/express/augment";
import express from "express";
import { createSessions, memoryStore } from "sojourn";
import { sojourn } from "sojourn/express";
import { signIn } from "sojourn/testing";
import { expect, test } from "vitest";
import { startChromium } from "./support/chromium.ts";

test.each([true, false])("Chromium is signed in by addCookies, development: %s", async (development) => {
  const secrets = [randomBytes(32).toString("base64url")];
  const sessions = createSessions({ development, store: memoryStore(), secrets, log: () => undefined });
  const app = express().use(sojourn(sessions));
  app.get("/", (req, res) => void res.send(`you are ${req.session.userId ?? "nobody"}`));
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  const browser = await startChromium();
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(url);
    expect(await page.textContent("body")).toBe("you are nobody");
    const { browserCookie } = await signIn(sessions, { userId: "ada" });
    await context.addCookies([browserCookie(url)]);
    await page.reload();
    expect(await page.textContent("body")).toBe("you are ada");
  } finally {
    await browser.close();
    server.close();
  }
});
