/** The middleware where Express is not: on `node:http` itself, and on upgrades as `ws` and socket.io hand them over. */

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type RequestListener, type Server } from "node:http";
import type { Request, RequestHandler, Response } from "express";
import { expect, onTestFinished, test } from "vitest";
import { sojourn } from "../../src/adapters/express.ts";
import { createSessions, memoryStore, type Sessions } from "../../src/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";

type Seen = IncomingMessage & {
  session: { data: { n?: number }; n?: number; set?(name: string, n: number): Promise<void> };
};

const sessionsFor = (): Sessions =>
  createSessions({ store: memoryStore(), secrets: [TEST_SECRET], log: () => undefined });

/** Runs the middleware on what Node alone made. */
function through(middleware: RequestHandler, req: IncomingMessage, res: object): Promise<Seen> {
  return new Promise((resolve, reject) => {
    void middleware(req as Request, res as Response, (error?: unknown) => {
      if (error === undefined) resolve(req as Seen);
      else reject(error);
    });
  });
}

async function listening(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as { port: number }).port };
}

async function upgrade(port: number, cookie: string): Promise<void> {
  const asked = request({ port, headers: { cookie, connection: "upgrade", upgrade: "test" } }).end();
  // The other side hangs up, which is an error to this one.
  await new Promise((done) => asked.on("error", done));
}

async function countTwice(middleware: RequestHandler, write: (seen: Seen) => unknown): Promise<unknown[]> {
  const { server, port } = await listening((req, res) => {
    through(middleware, req, res).then(
      async (seen) => {
        await write(seen);
        res.end("written");
      },
      (error: Error) => res.writeHead(500).end(error.message),
    );
  });
  const reply = await fetch(`http://127.0.0.1:${port}/`);
  const cookie = reply.headers.get("set-cookie")?.split(";")[0] ?? "";
  const heard: unknown[] = [reply.status, await reply.text()];
  server.on("upgrade", (req, socket) => {
    // As the readme of ws has it for express-session: there is no response.
    void through(middleware, req, {})
      .then(({ session }) => heard.push(session.n ?? session.data.n))
      .catch((error: unknown) => heard.push(error))
      .finally(() => socket.destroy());
  });
  await upgrade(port, cookie);
  return heard;
}

test("on node:http and on an upgrade with no response at all, natively and as express-session", async () => {
  const before = Reflect.ownKeys(Object.prototype);
  const native = await countTwice(sojourn(sessionsFor()), ({ session }) => session.set?.("n", 1));
  expect(native).toEqual([200, "written", 1]);
  const compat = sojourn(sessionsFor(), { compat: "express-session", cookie: { maxAge: 60_000 } });
  expect(await countTwice(compat, ({ session }) => (session.n = 1))).toEqual([200, "written", 1]);
  // What every object of the process inherits stays as it was.
  expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
});

test("a refusal goes to next where there is no response of Express's to answer with", async () => {
  const { port } = await listening((req, res) => {
    through(sojourn(sessionsFor()), req, res).then(
      () => res.end("let through"),
      (error: { code: string; status: number }) => res.writeHead(error.status).end(error.code),
    );
  });
  const reply = await fetch(`http://127.0.0.1:${port}/`, {
    method: "POST",
    headers: { "Sec-Fetch-Site": "cross-site", Origin: "https://other.example", Cookie: "__Host-Http-sid=x" },
  });
  expect([reply.status, await reply.text()]).toEqual([403, "cross_site_request"]);
});
