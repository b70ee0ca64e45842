/** Somebody else's web server, with whatever pages a test wants on it. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";

export class OtherSite {
  /** Path to page. */
  readonly pages = new Map<string, string>();
  readonly #server: Server;
  readonly #port: number;

  constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on("request", (request, response) => {
      const page = this.pages.get(request.url ?? "");
      response.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html" }).end(page);
    });
  }

  /** Another site than the shop's localhost, or the same site on another port. */
  address(relation: "cross-site" | "same-site", path: string): string {
    return `http://${relation === "cross-site" ? "127.0.0.1" : "localhost"}:${this.#port}${path}`;
  }

  /** The next request for this path, as the server got it. */
  requestFor(path: string): Promise<IncomingMessage> {
    return new Promise((resolve) => {
      const look = (request: IncomingMessage): void => {
        if (request.url !== path) return;
        this.#server.off("request", look);
        resolve(request);
      };
      this.#server.on("request", look);
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export async function startOtherSite(): Promise<OtherSite> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return new OtherSite(server, address.port);
}
