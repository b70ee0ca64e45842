/** A `Request` handler behind node:http, as small as it can be: what a runtime with fetch handlers does. */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

/** The other end of the connection that a request came over: what such runtimes tell beside the request. */
const peers = new WeakMap<Request, string | undefined>();

export function peerOf(request: Request): string | undefined {
  return peers.get(request);
}

type FetchHandler = (request: Request) => Promise<Response>;

export function fetchListener(handler: FetchHandler): RequestListener {
  return (req, res) => void answer(handler, req, res);
}

async function answer(handler: FetchHandler, req: IncomingMessage, res: ServerResponse): Promise<void> {
  try {
    const response = await handler(await requestOf(req));
    res.statusCode = response.status;
    for (const [name, value] of response.headers) if (name !== "set-cookie") res.setHeader(name, value);
    const cookies = response.headers.getSetCookie();
    if (cookies.length > 0) res.setHeader("Set-Cookie", cookies);
    for await (const chunk of response.body ?? []) res.write(chunk);
    res.end();
  } catch (error) {
    res.statusCode = (error as { status?: number }).status ?? 500;
    res.end(String(error));
  }
}

async function requestOf(req: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const headers = new Headers();
  for (const [name, values] of Object.entries(req.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
  const request = new Request(`http://${req.headers.host ?? ""}${req.url ?? "/"}`, {
    method: req.method ?? "GET",
    headers,
    ...body,
  });
  peers.set(request, req.socket.remoteAddress);
  return request;
}
