/** A request handler on a free port of this machine. */

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import type { ServingContestant } from "../harness/contestant.ts";

export async function listening(handler: RequestListener, close: () => Promise<void>): Promise<ServingContestant> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      await close();
    },
  };
}

export async function fastifyListening(app: FastifyInstance, close: () => Promise<void>): Promise<ServingContestant> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return {
    port: (app.server.address() as AddressInfo).port,
    async close() {
      app.server.closeAllConnections();
      await app.close();
      await close();
    },
  };
}
