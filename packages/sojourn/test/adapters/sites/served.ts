/** A listener, served on a free port. */

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { ServedSite } from "../../../src/testing/adapter-contract.ts";

export async function served(listener: RequestListener): Promise<ServedSite> {
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
