/** Raw HTTP: exact headers in, exact headers out, and a browser's cookie jar. */

import { equal } from "node:assert/strict";
import { once } from "node:events";
import { type Agent, type IncomingMessage, request } from "node:http";

export interface Reply {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names; several headers of a name joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** One entry per Set-Cookie header. */
  readonly setCookies: readonly string[];
  readonly body: string;
}

export interface Outgoing {
  readonly method?: string;
  /** An array sends the header once per entry. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  /** For several requests over one connection. */
  readonly agent?: Agent;
}

/** Sends exactly these headers, and Host. */
export async function send(url: string, init: Outgoing = {}): Promise<Reply> {
  return replyOf(await begin(url, init));
}

/** Like `send`, as soon as the headers of the answer have come. */
export async function begin(url: string, init: Outgoing = {}): Promise<IncomingMessage> {
  const sent = request(url, {
    method: init.method ?? "GET",
    headers: { ...init.headers } as Record<string, string | string[]>,
    agent: init.agent ?? false,
  });
  sent.end(init.body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

export async function replyOf(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const headers = Object.entries(response.headersDistinct).map(
    ([name, values]) => [name, (values ?? []).join(", ")] as const,
  );
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? "",
    headers: Object.fromEntries(headers),
    setCookies: response.headers["set-cookie"] ?? [],
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

/** What a route answered, which must have gone well. */
export function seen(reply: Reply): unknown {
  equal(reply.status, 200);
  return JSON.parse(reply.body);
}

/** Keeps cookies, and says of unsafe requests where they come from, as browsers do. */
export class Browser {
  readonly origin: string;
  readonly cookies: Map<string, string>;

  constructor(origin: string, cookies: Iterable<readonly [string, string]> = []) {
    this.origin = origin;
    this.cookies = new Map(cookies);
  }

  /** A second browser into which somebody copied the cookies. */
  copy(): Browser {
    return new Browser(this.origin, this.cookies);
  }

  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return this.send(path, { headers });
  }

  post(path: string, data: unknown = {}, more: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const headers = { ...this.#sameOrigin, "Content-Type": "application/json", ...more };
    return this.send(path, { method: "POST", headers, body: JSON.stringify(data) });
  }

  /** As a page's form does. */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<Reply> {
    const headers = { ...this.#sameOrigin, "Content-Type": "application/x-www-form-urlencoded" };
    return this.send(path, { method: "POST", headers, body: new URLSearchParams(fields).toString() });
  }

  get #sameOrigin(): Record<string, string> {
    return { Origin: this.origin, "Sec-Fetch-Site": "same-origin" };
  }

  async send(path: string, init: Outgoing): Promise<Reply> {
    return this.take(await send(this.origin + path, this.withCookies(init)));
  }

  withCookies(init: Outgoing): Outgoing {
    return this.cookies.size === 0 ? init : { ...init, headers: { Cookie: this.cookieHeader, ...init.headers } };
  }

  /** Stores and drops cookies as the reply says. */
  take<R extends Pick<Reply, "setCookies">>(reply: R): R {
    for (const line of reply.setCookies) {
      const [pair = "", ...attributes] = line.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      if (attributes.includes("Max-Age=0")) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return reply;
  }
}
