/** Examples of the guides that are whole applications, run as they stand. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { getIronSession } from "iron-session";
import { expect, onTestFinished, test } from "vitest";
import { Browser, serve } from "./support/http.ts";
import { startRedis } from "./support/redis-server.ts";
import { OLDER_SECRET, TEST_SECRET } from "./support/secrets.ts";

const LIBRARY = join(import.meta.dirname, "..");

/** The guide's first JavaScript block, listening on a free port that it prints. */
async function exampleOf(guide: string, listens: string, onFreePort: string): Promise<string> {
  const text = await readFile(join(LIBRARY, "..", "..", "docs", "guide", guide), "utf8");
  const code = /^```js\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? "";
  expect(code).toContain(listens);
  return withPlaces(code.replace(listens, onFreePort));
}

/** What the example imports by name, from where it is here: the library from its sources. */
async function withPlaces(code: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(LIBRARY, "package.json"), "utf8")) as {
    exports: Record<string, { default: string }>;
  };
  return code.replaceAll(/from "([^".][^"]*)"/g, (_, name: string) => {
    const built = manifest.exports[name.replace(/^sojourn/, ".")]?.default;
    if (built === undefined) return `from ${JSON.stringify(import.meta.resolve(name))}`;
    const source = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
    return `from ${JSON.stringify(pathToFileURL(join(LIBRARY, source)).href)}`;
  });
}

/** Runs it in a folder of its own until the test ends. Answers the origin that it printed. */
async function run(code: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-guide-"));
  await writeFile(join(folder, "app.mjs"), code);
  const own = { SESSION_SECRET: TEST_SECRET, COOKIE_SECRET: OLDER_SECRET };
  const env = { ...process.env, NODE_ENV: "development", ...own, ...more };
  const app = spawn(process.execPath, ["app.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => stop(app, folder));
  for await (const line of createInterface({ input: app.stdout })) if (line.startsWith("http://")) return line;
  throw new Error("it ended before it listened");
}

async function stop(app: ChildProcess, folder: string): Promise<void> {
  if (app.exitCode === null && app.signalCode === null) {
    app.kill("SIGKILL");
    await once(app, "exit");
  }
  await rm(folder, { recursive: true, force: true });
}

const PRINTED = "console.log(`http://127.0.0.1:${port}`)";
const BY_SERVER = `const server = app.listen(0, "127.0.0.1", () => { const { port } = server.address(); ${PRINTED}; });`;
const BY_SERVE = `serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => ${PRINTED});`;

test.each([
  ["fastify.md", "await app.listen({ port: 3000 });", 'console.log(await app.listen({ port: 0, host: "127.0.0.1" }));'],
  ["express.md", "app.listen(3000);", BY_SERVER],
  ["fetch.md", "serve({ fetch: app.fetch, port: 3000 });", BY_SERVE],
  ["koa.md", "app.listen(3000);", BY_SERVER],
  ["hono.md", "serve({ fetch: app.fetch, port: 3000 });", BY_SERVE],
  ["node.md", "app.listen(3000);", BY_SERVER],
  ["migrating-from-express-session.md", "app.listen(3000);", BY_SERVER],
  [
    "migrating-from-fastify-session.md",
    "await app.listen({ port: 3000 });",
    'console.log(await app.listen({ port: 0, host: "127.0.0.1" }));',
  ],
])("docs/guide/%s: its application logs in, counts, guards and logs out", async (guide, listens, onFreePort) => {
  const origin = await run(await exampleOf(guide, listens, onFreePort));
  const ada = new Browser(origin);
  expect((await ada.get("/me")).status).toBe(401);
  expect(JSON.parse((await ada.post("/login", { name: "ada" })).body)).toEqual({ hello: "ada" });
  for (const visits of [1, 2]) expect(JSON.parse((await ada.get("/visits")).body)).toEqual({ visits });
  expect(JSON.parse((await ada.get("/me")).body)).toEqual({ you: "ada", data: { visits: 2 } });
  const before = ada.copy();
  expect(JSON.parse((await ada.post("/logout")).body)).toEqual({ ended: true });
  // express-session and @fastify/session leave the cookie of a session that was destroyed where it is.
  if (!guide.startsWith("migrating")) expect(ada.cookies.size).toBe(0);
  expect([(await ada.get("/me")).status, (await before.get("/me")).status]).toEqual([401, 401]);
});

const OLD_SECRET = "an old secret of thirty-two characters";
const KEPT = { userId: "ada", cart: ["book"] };

/** Somebody who logged in to the old application comes to the guide's, and logs out. */
async function movesTo(origin: string, theirs: Browser): Promise<void> {
  expect((await theirs.post("/login")).status).toBe(200);
  const ours = new Browser(origin, theirs.cookies);
  const copy = ours.copy();
  for (let i = 0; i < 2; i++) {
    expect(JSON.parse((await ours.get("/me")).body)).toEqual({ you: "ada", data: { cart: ["book"] } });
  }
  expect(JSON.parse((await ours.post("/logout")).body)).toEqual({ ended: true });
  expect([ours.cookies.size, (await copy.get("/me")).body.includes("ada")]).toEqual([0, false]);
}

test("docs/guide/adopting-sessions.md: its application goes on with a session of express-session and connect-redis", async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  await redis.allow("~sess:*", "~sojourn-adopted:*");
  const old = express();
  old.use(
    session({
      store: new RedisStore({ client: await redis.admin() }),
      secret: OLD_SECRET,
      resave: false,
      saveUninitialized: false,
    }),
  );
  old.post("/login", (req, res) => void res.json(Object.assign(req.session, KEPT)));
  const code = await exampleOf("adopting-sessions.md", "app.listen(3000);", BY_SERVER);
  await movesTo(await run(code, { REDIS_URL: redis.url, OLD_SECRET }), new Browser(await serve(old)));
});

test("docs/guide/migrating-from-iron-session.md: its application goes on with a session of iron-session", async () => {
  const theirs = await serve((req, res) => {
    const options = { password: OLD_SECRET, cookieName: "theirs", cookieOptions: { secure: false } };
    void getIronSession<typeof KEPT>(req, res, options).then(async (kept) => {
      Object.assign(kept, KEPT);
      await kept.save();
      res.end("{}");
    });
  });
  const code = await exampleOf("migrating-from-iron-session.md", "app.listen(3000);", BY_SERVER);
  await movesTo(await run(code, { OLD_SECRET }), new Browser(theirs));
});

test("docs/guide/compat.md: passport logs in, devices are listed, all others signed out", async () => {
  const origin = await run(await exampleOf("compat.md", "app.listen(3000);", BY_SERVER));
  const [phone, laptop] = [new Browser(origin), new Browser(origin)];
  for (const visits of [1, 2]) expect(JSON.parse((await phone.get("/visits")).body)).toEqual({ visits });
  for (const browser of [phone, laptop]) {
    const reply = await browser.submit("/login", { username: "ada", password: "secret" });
    expect(JSON.parse(reply.body)).toEqual({ hello: "ada" });
  }
  const devices = JSON.parse((await laptop.get("/devices")).body) as { current: boolean }[];
  expect(devices.map(({ current }) => current).toSorted()).toEqual([false, true]);
  expect(JSON.parse((await laptop.post("/sign-out-elsewhere")).body)).toEqual({ ended: 1 });
  expect((await phone.get("/devices")).body).toBe("[]");
  expect((await laptop.post("/logout")).body).toBe('{"bye":true}');
  expect((await laptop.get("/devices")).body).toBe("[]");
});

test("docs/guide/moving-stores.md: an application on both stores, then the mover, then the new store alone", async () => {
  const text = await readFile(join(LIBRARY, "..", "..", "docs", "guide", "moving-stores.md"), "utf8");
  const [application = "", mover = ""] = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
  const folder = await mkdtemp(join(tmpdir(), "sojourn-guide-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const places = { OLD_STORE: "sqlite:./old.db", NEW_STORE: "sqlite:./new.db" };
  const env = { ...process.env, ...places, SESSION_SECRET: TEST_SECRET };
  const output = async (code: string): Promise<string> => {
    await writeFile(join(folder, "app.mjs"), await withPlaces(code));
    return (await promisify(execFile)(process.execPath, ["app.mjs"], { cwd: folder, env })).stdout.trim();
  };
  const begun = `console.log((await sessions.create({ userId: "ada" })).token); await sessions.close();`;
  const token = await output(`${application}\n${begun}`);
  expect(await output(mover)).toContain("done: true, moved: 1, left: 0, live: 1");
  const alone = application.replace("movingStore({ from, to })", "to");
  const asked = `console.log((await sessions.validate(${JSON.stringify(token)})).valid); await sessions.close();`;
  expect(await output(`${alone}\n${asked}`)).toBe("true");
}, 60_000);

test("docs/guide/migrating-from-better-auth.md: its application signs up, lists, and signs out elsewhere", async () => {
  const origin = await run(await exampleOf("migrating-from-better-auth.md", "app.listen(3000);", BY_SERVER));
  const ada = { email: "ada@example.com", password: "correct horse battery", name: "Ada" };
  const [first, second] = [new Browser(origin), new Browser(origin)];
  expect((await first.post("/api/auth/sign-up/email", ada)).status).toBe(200);
  expect((await second.post("/api/auth/sign-in/email", ada)).status).toBe(200);
  expect(JSON.parse((await second.get("/api/auth/list-sessions")).body)).toHaveLength(2);
  expect((await second.post("/api/auth/revoke-other-sessions")).status).toBe(200);
  expect([(await first.get("/me")).body, (await second.get("/me")).body]).toEqual(["null", '"ada@example.com"']);
});
