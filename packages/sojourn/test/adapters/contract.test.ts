/** The adapter contract on every adapter. */

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import express, { type Express, type Response } from "express";
import express4 from "express4";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { describe, test } from "vitest";
import {
  csrf as expressCsrf,
  requireFresh as expressFresh,
  requirePermission as expressPermission,
  requireRole as expressRole,
  requireUser as expressUser,
  sojourn as expressSojourn,
} from "../../src/adapters/express.ts";
import * as forFastify from "../../src/adapters/fastify.ts";
import "../../src/adapters/fastify-augment.ts";
import {
  csrf as fetchCsrf,
  requireFresh as fetchFresh,
  requirePermission as fetchPermission,
  requireRole as fetchRole,
  requireUser as fetchUser,
  sojourn as fetchSojourn,
} from "../../src/adapters/fetch.ts";
import {
  adapterContract,
  type ContractAnswer,
  type ContractRoute,
  type ContractSite,
  type ServedSite,
} from "../../src/testing/adapter-contract.ts";
import { fetchListener, peerOf } from "../support/fetch-server.ts";

const EXPRESS_GUARDS = {
  csrf: expressCsrf,
  requireFresh: expressFresh,
  requirePermission: expressPermission,
  requireRole: expressRole,
  requireUser: expressUser,
};
const FASTIFY_GUARDS = {
  csrf: forFastify.csrf,
  requireFresh: forFastify.requireFresh,
  requirePermission: forFastify.requirePermission,
  requireRole: forFastify.requireRole,
  requireUser: forFastify.requireUser,
};
const FETCH_GUARDS = {
  csrf: fetchCsrf,
  requireFresh: fetchFresh,
  requirePermission: fetchPermission,
  requireRole: fetchRole,
  requireUser: fetchUser,
};

async function served(listener: RequestListener): Promise<ServedSite> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function expressApp(app: Express, { sessions, options, routes }: ContractSite): Express {
  app.use(express.urlencoded({ extended: false }), expressSojourn(sessions, options));
  for (const route of routes) {
    const method = route.method === "GET" ? ("get" as const) : ("post" as const);
    const guards = (route.guards ?? []).map(({ name, argument }) => EXPRESS_GUARDS[name](argument as never));
    app[method](route.path, ...guards, (req, res, next) => {
      // Express 4 does not look at promises.
      run(route, (req as unknown as { session: never }).session, res).catch(next);
    });
  }
  const reported: express.ErrorRequestHandler = (error: { status?: number }, _req, res, _next) => {
    res.status(error.status ?? 500).end();
  };
  app.use(reported);
  return app;
}

async function run(
  route: ContractRoute,
  session: Parameters<ContractRoute["handle"]>[0],
  res: Response,
): Promise<void> {
  const answered = route.handle(session);
  const answer = answered instanceof Promise ? await answered : answered;
  res.set(answer.headers ?? {});
  if (answer.after === undefined) {
    res.send(answer.body);
    return;
  }
  res.write(answer.body);
  await answer.after();
  res.end();
}

type Send = (answer: ContractAnswer, reply: FastifyReply) => Promise<void>;

const sendByReply: Send = async ({ body, headers = {}, after }, reply) => {
  reply.headers(headers);
  if (after === undefined) {
    reply.send(body);
    return;
  }
  const stream = new PassThrough();
  reply.send(stream);
  stream.write(body);
  while (!reply.raw.headersSent) await sleep(1);
  await after();
  stream.end();
};

const sendByRaw: Send = async ({ body, headers = {}, after }, reply) => {
  reply.hijack();
  reply.raw.writeHead(200, headers);
  if (after === undefined) {
    reply.raw.end(body);
    return;
  }
  reply.raw.write(body);
  await after();
  reply.raw.end();
};

function fastifyApp({ sessions, options, routes }: ContractSite, send: Send): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  app.register(forFastify.sojourn(sessions, options));
  app.setErrorHandler((error: { status?: number }, _request, reply) => void reply.code(error.status ?? 500).send());
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      preHandler: (route.guards ?? []).map(({ name, argument }) => FASTIFY_GUARDS[name](argument as never)),
      handler: (request, reply) => {
        const answered = route.handle(request.session);
        if (!(answered instanceof Promise)) return void send(answered, reply);
        return answered.then((answer) => send(answer, reply));
      },
    });
  }
  return app;
}

async function listening(app: FastifyInstance): Promise<ServedSite> {
  return { origin: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
}

function fetchHandler({ sessions, options, routes }: ContractSite): (request: Request) => Promise<globalThis.Response> {
  const { open } = fetchSojourn(sessions, { ip: peerOf, ...options });
  return async (request) => {
    const opened = await open(request);
    if (opened.refused !== null) return opened.refused;
    const { pathname } = new URL(request.url);
    const route = routes.find((each) => each.path === pathname && each.method === request.method);
    if (route === undefined) return opened.commit(new globalThis.Response(null, { status: 404 }));
    for (const { name, argument } of route.guards ?? []) {
      const refused = await FETCH_GUARDS[name](argument as never)(opened);
      if (refused !== null) return refused;
    }
    const answered = route.handle(opened.session);
    const answer: ContractAnswer = answered instanceof Promise ? await answered : answered;
    const { body, headers = {} } = answer;
    const response = await opened.commit(new globalThis.Response(body, { headers }));
    await answer.after?.();
    return response;
  };
}

const ADAPTERS: [string, (site: ContractSite) => Promise<ServedSite>][] = [
  ["Express 5", (site) => served(expressApp(express(), site))],
  ["Express 4", (site) => served(expressApp((express4 as typeof express)(), site))],
  ["Fastify 5", (site) => listening(fastifyApp(site, sendByReply))],
  ["Fastify 5, replies hijacked", (site) => listening(fastifyApp(site, sendByRaw))],
  ["fetch", (site) => served(fetchListener(fetchHandler(site)))],
];

describe.each(ADAPTERS)("%s", (_name, start) => {
  for (const each of adapterContract({ start })) test(each.name, each.run);
});
