/** The contract's site as a Fastify application. */

import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import {
  csrf,
  requireFresh,
  requirePermission,
  requireRole,
  requireUser,
  sojourn,
} from "../../../src/adapters/fastify.ts";
import "../../../src/adapters/fastify-augment.ts";
import type { ContractAnswer, ContractSite, ServedSite } from "../../../src/testing/adapter-contract.ts";

const GUARDS = { csrf, requireFresh, requirePermission, requireRole, requireUser };

type Send = (answer: ContractAnswer, reply: FastifyReply) => Promise<void>;

export const sendByReply: Send = async ({ body, headers = {}, after }, reply) => {
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

export const sendByRaw: Send = async ({ body, headers = {}, after }, reply) => {
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

export function fastifyApp({ sessions, options, routes }: ContractSite, send: Send): FastifyInstance {
  const app = Fastify({ forceCloseConnections: true });
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  app.register(sojourn(sessions, options));
  app.setErrorHandler((error: { status?: number }, _request, reply) => void reply.code(error.status ?? 500).send());
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      preHandler: (route.guards ?? []).map(({ name, argument }) => GUARDS[name](argument as never)),
      handler: (request, reply) => {
        const answered = route.handle(request.session);
        if (!(answered instanceof Promise)) return void send(answered, reply);
        return answered.then((answer) => send(answer, reply));
      },
    });
  }
  return app;
}

export async function listening(app: FastifyInstance): Promise<ServedSite> {
  return { origin: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
}
