/** A server of the test's own, and raw HTTP against it. */

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { onTestFinished } from "vitest";

export {
  begin,
  Browser,
  type Outgoing as RequestInit,
  type Reply,
  replyOf,
  send,
} from "../../src/testing/adapter-contract/client.ts";

/** Serves on a free port until the test ends. Answers the origin, as in `http://127.0.0.1:4711`. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
