/** Every way in which a Fastify handler answers, and a site with one such handler on `/it`. */

import { createReadStream, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from "fastify";
import { type FastifySite, type FastifySiteOptions, startFastify } from "./fastify-site.ts";
import type { Browser, Reply } from "./http.ts";

export type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

export async function siteWith(
  handler: Handler,
  options: FastifySiteOptions = {},
  route: RouteShorthandOptions = {},
): Promise<{ site: FastifySite; user: Browser }> {
  const site = await startFastify({
    ...options,
    routes: (app, sessions) => {
      options.routes?.(app, sessions);
      app.get("/it", route, handler as never);
    },
  });
  return { site, user: await site.user() };
}

const FILE = import.meta.filename;
const TEXT = readFileSync(FILE, "utf8");
/** Says its second field only. */
const SCHEMA: RouteShorthandOptions = {
  schema: { response: { "2xx": { type: "object", properties: { b: { type: "number" } } } } },
};

export const WAYS: [
  name: string,
  way: (reply: FastifyReply) => unknown,
  answer: Partial<Reply>,
  route?: RouteShorthandOptions,
][] = [
  ["reply.send of text", (reply) => void reply.send("ok"), { body: "ok" }],
  ["reply.send of an object", (reply) => void reply.code(201).send({ a: 1 }), { status: 201, body: '{"a":1}' }],
  ["a returned object", () => ({ a: 1 }), { body: '{"a":1}' }],
  ["a promised object", () => Promise.resolve({ a: 1 }), { body: '{"a":1}' }],
  ["send, and the promised reply", async (reply) => reply.send("ok"), { body: "ok" }],
  ["send later from a callback", (reply) => void setTimeout(() => void reply.send("ok"), 5), { body: "ok" }],
  ["a response schema", () => ({ a: 1, b: 2 }), { body: '{"b":2}' }, SCHEMA],
  ["a serializer", (reply) => void reply.serializer(() => "said").send({ a: 1 }), { body: "said" }],
  ["bytes", (reply) => void reply.send(Buffer.from("ok")), { body: "ok" }],
  ["nothing", (reply) => void reply.code(204).send(), { status: 204, body: "" }],
  ["a stream", (reply) => void reply.send(Readable.from(["a", "b"])), { body: "ab" }],
  ["a file's stream", (reply) => void reply.type("text/plain").send(createReadStream(FILE)), { body: TEXT }],
  ["a web stream", (reply) => void reply.send(Readable.toWeb(Readable.from(["a", "b"]))), { body: "ab" }],
  ["a Response", (reply) => void reply.send(new Response("ok", { status: 203 })), { status: 203, body: "ok" }],
  ["a redirect", (reply) => void reply.redirect("/x", 303), { status: 303, body: "" }],
  ["the 404 handler", (reply) => reply.callNotFound(), { status: 404 }],
  [
    "an error",
    () => {
      throw Object.assign(new Error("a bug"), { statusCode: 418 });
    },
    { status: 418 },
  ],
  ["a promised error", () => Promise.reject(new Error("a bug")), { status: 500 }],
  ["trailers", (reply) => void reply.trailer("x-end", async () => "1").send("ok"), { body: "ok" }],
  ["reply.raw.end", (reply) => void reply.raw.end("ok"), { body: "ok" }],
  [
    "reply.raw.writeHead with headers",
    (reply) => void reply.raw.writeHead(201, { "Cache-Control": "public" }).end("ok"),
    { status: 201, body: "ok" },
  ],
  ["hijack, then raw", (reply) => void reply.hijack().raw.writeHead(202).end("ok"), { status: 202, body: "ok" }],
  [
    "hijack in a promise, then write now, end later",
    async (reply) => {
      reply.hijack();
      reply.raw.write("a");
      await sleep(40);
      reply.raw.end("b");
    },
    { body: "ab" },
  ],
];

/** Row C1. */
export const UNCACHEABLE = { "cache-control": "no-store", vary: "Cookie" };
