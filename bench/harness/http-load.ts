/** HTTP requests over kept-open connections to a server on this machine, each as soon as the one before is answered. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Load {
  /** Whole requests as bytes; sent in turn. */
  readonly requests: readonly Buffer[];
  readonly connections: number;
  readonly ms: number;
}

export interface Loaded {
  readonly completed: number;
  readonly elapsedMs: number;
}

/** @param headers lines without their ends, such as `Cookie: a=b` */
export function request(method: string, path: string, headers: readonly string[] = []): Buffer {
  return Buffer.from([`${method} ${path} HTTP/1.1`, "Host: 127.0.0.1", ...headers, "", ""].join("\r\n"), "latin1");
}

/** @throws Error when a response is not 200, or the server closes a connection */
export async function load(port: number, { requests, connections, ms }: Load): Promise<Loaded> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(port)));
  let sent = 0;
  const next = (): Buffer => requests[sent++ % requests.length] ?? Buffer.alloc(0);
  const startedAt = performance.now();
  try {
    const counts = await Promise.all(sockets.map((socket) => requestUntil(socket, startedAt + ms, next)));
    return { completed: counts.reduce((a, b) => a + b, 0), elapsedMs: performance.now() - startedAt };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  await once(socket, "connect");
  return socket;
}

function requestUntil(socket: Socket, until: number, next: () => Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let completed = 0;
    let received: Buffer | null = null;
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed a connection")));
    socket.on("data", (chunk: Buffer) => {
      const response = received === null ? chunk : Buffer.concat([received, chunk]);
      received = response;
      try {
        if (!isWhole(response)) return;
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      received = null;
      completed += 1;
      if (performance.now() < until) socket.write(next());
      else resolve(completed);
    });
    socket.write(next());
  });
}

/** Whether a response is there to its end. One at a time, so nothing can follow it. */
function isWhole(response: Buffer): boolean {
  const headEnd = response.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const head = response.toString("latin1", 0, headEnd);
  if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(`answered ${head.split("\r\n", 1)[0]}`);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) throw new Error("a response without Content-Length");
  return response.length >= headEnd + 4 + Number(length);
}
