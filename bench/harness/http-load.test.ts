import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { load, request } from "./http-load.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const once64 = { connections: 8, ms: 50 };

test("counts what was answered, sends its requests in turn, and uses its connections again", async () => {
  const seen = new Map<string, number>();
  const ports = new Set<number | undefined>();
  const port = await serve((req, res) => {
    seen.set(req.headers.cookie ?? "", (seen.get(req.headers.cookie ?? "") ?? 0) + 1);
    ports.add(req.socket.remotePort);
    res.end("ok");
  });
  const requests = ["a=1", "a=2"].map((cookie) => request("GET", "/me", [`Cookie: ${cookie}`]));
  const { completed, elapsedMs } = await load(port, { requests, ...once64 });
  expect(completed).toBe((seen.get("a=1") ?? 0) + (seen.get("a=2") ?? 0));
  expect(Math.abs((seen.get("a=1") ?? 0) - (seen.get("a=2") ?? 0))).toBeLessThanOrEqual(1);
  expect(ports.size).toBe(once64.connections);
  expect(elapsedMs).toBeGreaterThanOrEqual(once64.ms);
});

test("waits for the whole of a response that comes in pieces", async () => {
  let answered = 0;
  const port = await serve((_req, res) => {
    res.writeHead(200, { "Content-Length": 6 });
    res.write("abc");
    setImmediate(() => {
      answered += 1;
      res.end("def");
    });
  });
  const { completed } = await load(port, { requests: [request("GET", "/")], connections: 1, ms: 20 });
  expect(completed).toBe(answered);
});

test.each<[string, RequestListener, RegExp]>([
  ["another status", (_req, res) => void res.writeHead(503, { "Content-Length": 0 }).end(), /503/],
  ["a closed connection", (req) => void req.socket.destroy(), /closed/],
])("%s is an error, not a fast answer", async (_what, handler, message) => {
  const port = await serve(handler);
  await expect(load(port, { requests: [request("GET", "/")], ...once64 })).rejects.toThrow(message);
});
