import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Visitor } from "./visitor.ts";

let server: Server | undefined;

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** Sets the cookies that the path names, and answers what was sent. */
async function echo(): Promise<number> {
  server = createServer((req, res) => {
    res.setHeader("set-cookie", new URL(req.url ?? "", "http://x").searchParams.getAll("set"));
    const status = req.url?.startsWith("/no") === true ? 401 : 200;
    res.writeHead(status).end(JSON.stringify({ cookie: req.headers.cookie ?? "", origin: req.headers.origin }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const path = (...cookies: string[]): string =>
  `/?${cookies.map((each) => `set=${encodeURIComponent(each)}`).join("&")}`;

test("sends back what was set, the newest of a name, and its own origin", async () => {
  const port = await echo();
  const visitor = new Visitor(port);
  await visitor.must("GET", path("a=1; Path=/", "b=x=y; HttpOnly"));
  await visitor.must("GET", path("a=2; Max-Age=60"));
  expect(visitor.cookie).toBe("a=2; b=x=y");
  expect(await visitor.must("POST", "/")).toEqual({ cookie: "a=2; b=x=y", origin: `http://127.0.0.1:${port}` });
});

test("forgets what was taken back", async () => {
  const visitor = new Visitor(await echo());
  await visitor.must("GET", path("a=1", "b=2", "c=3"));
  await visitor.must("GET", path("a=; Max-Age=0", "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
  expect(visitor.cookie).toBe("c=3");
});

test("a copy goes its own way", async () => {
  const visitor = new Visitor(await echo());
  await visitor.must("GET", path("a=1"));
  const copy = visitor.copy();
  await visitor.must("GET", path("a=2"));
  expect([copy.cookie, visitor.cookie]).toEqual(["a=1", "a=2"]);
});

test("must() refuses any other answer than 200", async () => {
  const visitor = new Visitor(await echo());
  expect((await visitor.ask("GET", "/no")).status).toBe(401);
  await expect(visitor.must("GET", "/no")).rejects.toThrow("GET /no answered 401");
});
