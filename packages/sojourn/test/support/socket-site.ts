/** An application server with WebSockets, and clients of them. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { sojourn, type WebSocketOptions } from "../../src/adapters/ws.ts";
import type { Session, Sessions } from "../../src/index.ts";

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

export class SocketSite {
  readonly origin: string;
  /** What arrived on any socket. */
  readonly messages: string[] = [];
  readonly wss: WebSocketServer;
  readonly #server: Server;
  readonly #cookie: string;

  constructor(server: Server, wss: WebSocketServer, cookie: string) {
    this.#server = server;
    this.wss = wss;
    this.#cookie = cookie;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(sessions: Sessions, options: WebSocketOptions = {}, cookie = "sid-sojourn"): Promise<SocketSite> {
    const server = createServer();
    const wss = new WebSocketServer({ noServer: true });
    server.on("upgrade", sojourn(sessions, options).upgrade(wss));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const site = new SocketSite(server, wss, cookie);
    wss.on("connection", (socket: WebSocket, _request: unknown, session: Session) => {
      socket.on("message", (data: Buffer) => {
        site.messages.push(data.toString());
        socket.send(`${session.userId}: ${data.toString()}`);
      });
      socket.send(`hello ${session.userId}`);
    });
    return site;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Headers of a page of this site, with the cookie of a token. */
  headers(token: string | null, more: Record<string, string> = {}): Record<string, string> {
    return { origin: this.origin, ...(token === null ? {} : { cookie: `${this.#cookie}=${token}` }), ...more };
  }

  /** A connected client that has been greeted. */
  async open(token: string | null, more: Record<string, string> = {}): Promise<WebSocket> {
    const client = new WebSocket(this.origin.replace("http", "ws"), { headers: this.headers(token, more) });
    const greeted = once(client, "message");
    client.on("error", () => undefined);
    await once(client, "open");
    await greeted;
    return client;
  }

  /** The answer to a handshake that is refused. */
  async refusal(
    headers: Record<string, string>,
  ): Promise<{ status: number; body: unknown; retryAfter: string | undefined }> {
    const client = new WebSocket(this.origin.replace("http", "ws"), { headers });
    client.on("error", () => undefined);
    const [, response] = (await once(client, "unexpected-response")) as [unknown, IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, body: JSON.parse(text), retryAfter: response.headers["retry-after"] };
  }

  async stop(): Promise<void> {
    for (const client of this.wss.clients) client.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export async function closing(client: WebSocket): Promise<Closing> {
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  return { code, reason: reason.toString() };
}
