/** The example of every framework, started as its user starts it and driven in the same way. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Browser } from "../packages/sojourn/src/testing/adapter-contract/client.ts";

test.each(["express", "fastify", "koa", "hono", "node"])(
  "examples/%s: counts visits, logs in and keeps them, says who it is, logs out",
  async (name) => {
    const browser = new Browser(await started(name));
    expect((await browser.get("/me")).status).toBe(401);
    for (const visits of [1, 2]) expect(JSON.parse((await browser.get("/visits")).body)).toEqual({ visits });
    expect(JSON.parse((await browser.post("/login", { name: "ada" })).body)).toEqual({ hello: "ada" });
    const before = browser.copy();
    expect(JSON.parse((await browser.get("/me")).body)).toEqual({ you: "ada", visits: 2 });
    const elsewhere = { method: "POST", headers: { "Sec-Fetch-Site": "cross-site" } };
    expect((await browser.send("/logout", browser.withCookies(elsewhere))).status).toBe(403);
    expect(JSON.parse((await browser.post("/logout")).body)).toEqual({ ended: true });
    expect([browser.cookies.size, (await before.get("/me")).status]).toEqual([0, 401]);
  },
);

/** Answers the origin that it printed. */
async function started(name: string): Promise<string> {
  const main = fileURLToPath(new URL(`../examples/${name}/main.ts`, import.meta.url));
  const { PORT: _, ...env } = process.env;
  const child: ChildProcess = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  if (child.stdout === null) throw new Error("no output");
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith("http://")) return line;
  throw new Error(`examples/${name} ended before it listened`);
}
