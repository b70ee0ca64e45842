/** Somebody with a browser: keeps the cookies that a site sets, and sends them back. */

export interface Visited {
  readonly status: number;
  readonly body: unknown;
}

export class Visitor {
  readonly #origin: string;
  readonly #cookies: Map<string, string>;

  constructor(port: number, cookies: ReadonlyMap<string, string> = new Map()) {
    this.#origin = `http://127.0.0.1:${port}`;
    this.#cookies = new Map(cookies);
  }

  /** The same cookies, kept apart from now on. */
  copy(): Visitor {
    return new Visitor(Number(new URL(this.#origin).port), this.#cookies);
  }

  /** As the `Cookie` header has them. */
  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async ask(method: string, path: string): Promise<Visited> {
    const headers = { origin: this.#origin, ...(this.#cookies.size === 0 ? {} : { cookie: this.cookie }) };
    const response = await fetch(this.#origin + path, { method, headers });
    const body: unknown = await response.json();
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    return { status: response.status, body };
  }

  /** @throws Error unless the answer is 200 */
  async must(method: string, path: string): Promise<unknown> {
    const { status, body } = await this.ask(method, path);
    if (status !== 200) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  #keep(setCookie: string): void {
    const [pair = "", ...attributes] = setCookie.split(/; */);
    const at = pair.indexOf("=");
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const expires = attributes.find((each) => /^expires=/i.test(each))?.slice(8);
    const isOver = attributes.some((each) => /^max-age=(0|-\d+)$/i.test(each));
    if (isOver || (expires !== undefined && Date.parse(expires) <= Date.now())) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
