// The README's "Twenty lines to a running app", run as they stand in a folder that has the package and express.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const LISTEN = "app.listen(3000);";
const START_MS = 10_000;

/** The first JavaScript block under the heading. @throws Error when the README has changed its form. */
export function twentyLines(readme) {
  const [, section] = readme.split("\n## Twenty lines to a running app\n");
  const code = /^```js\n([\s\S]*?)^```$/m.exec(section ?? "")?.[1];
  if (code === undefined || !code.includes(LISTEN)) throw new Error(`README.md: no twenty lines that end in ${LISTEN}`);
  return code;
}

/** Starts them on a free port, logs in, counts a visit, logs out. @throws AssertionError at the first surprise. */
export async function runTwentyLines(readme, folder) {
  const listen = 'app.listen(0, "127.0.0.1", function () { console.log(`port ${this.address().port}`); });';
  writeFileSync(join(folder, "app.mjs"), twentyLines(readme).replace(LISTEN, listen));
  const { NODE_ENV: _, ...inherited } = process.env;
  const env = { ...inherited, SESSION_SECRET: randomBytes(32).toString("base64url") };
  const app = spawn(process.execPath, ["app.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  try {
    await drive(`http://localhost:${await portOf(app)}`);
  } finally {
    if (app.exitCode === null && app.signalCode === null) {
      app.kill("SIGKILL");
      await once(app, "exit");
    }
  }
}

async function portOf(app) {
  const timer = setTimeout(() => app.kill("SIGKILL"), START_MS);
  try {
    for await (const line of createInterface({ input: app.stdout })) {
      const port = /^port (\d+)$/.exec(line)?.[1];
      if (port !== undefined) return Number(port);
    }
    throw new Error("the README's twenty lines ended before they listened");
  } finally {
    clearTimeout(timer);
  }
}

async function drive(origin) {
  const browser = { origin, cookie: undefined };
  assert.equal((await ask(browser, "GET", "/me")).status, 401, "/me before login");
  const foreign = await ask({ origin, cookie: undefined }, "POST", "/login", { name: "eve" }, "https://evil.example");
  assert.equal(foreign.status, 403, "/login from another site");

  const login = await ask(browser, "POST", "/login", { name: "ada" });
  assert.deepEqual([login.status, login.body], [200, { hello: "ada" }], "/login");
  assert.ok(browser.cookie, "/login sets a cookie");
  assert.match(login.setCookie, /; HttpOnly/, "the cookie is HttpOnly");
  const loggedIn = { ...browser };

  assert.deepEqual((await ask(browser, "GET", "/visits")).body, { visits: 1 }, "/visits, first");
  assert.deepEqual((await ask(browser, "GET", "/visits")).body, { visits: 2 }, "/visits, second");
  assert.deepEqual((await ask(browser, "GET", "/me")).body, { you: "ada", data: { visits: 2 } }, "/me");

  assert.deepEqual((await ask(browser, "POST", "/logout")).body, { ended: true }, "/logout");
  assert.equal(browser.cookie, undefined, "/logout clears the cookie");
  assert.equal((await ask(loggedIn, "GET", "/me")).status, 401, "/me with the cookie from before the logout");
}

async function ask(browser, method, path, body, from = browser.origin) {
  const headers = { Origin: from, ...(browser.cookie && { Cookie: browser.cookie }) };
  const json = body && { body: JSON.stringify(body), headers: { ...headers, "Content-Type": "application/json" } };
  const response = await fetch(browser.origin + path, { method, headers, ...json });
  const setCookie = response.headers.getSetCookie()[0];
  if (setCookie !== undefined) browser.cookie = /^[^=]+=(?=;)/.test(setCookie) ? undefined : setCookie.split(";")[0];
  const text = await response.text();
  return { status: response.status, setCookie, body: /^[{[]/.test(text) ? JSON.parse(text) : text };
}
