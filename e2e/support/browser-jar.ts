/** As much of a browser as a story over HTTP needs: cookies, Origin, redirects. */

export class BrowserJar {
  readonly cookies = new Map<string, string>();
  readonly #origin: () => string;

  constructor(origin: () => string) {
    this.#origin = origin;
  }

  /** A second browser with the same cookies, as a saved jar or a thief has them. */
  copy(): BrowserJar {
    const copy = new BrowserJar(this.#origin);
    for (const [name, value] of this.cookies) copy.cookies.set(name, value);
    return copy;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#send(path, { method: "GET", headers });
  }

  post(path: string, fields: Record<string, string> = {}): Promise<Response> {
    const headers = { origin: this.#origin(), "content-type": "application/x-www-form-urlencoded" };
    return this.#send(path, { method: "POST", headers, body: new URLSearchParams(fields).toString() });
  }

  async page(path: string): Promise<string> {
    return (await this.get(path, { accept: "text/html" })).text();
  }

  async #send(
    path: string,
    request: { method: string; headers: Record<string, string>; body?: string },
  ): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...request.headers, ...(cookie === "" ? {} : { cookie }) };
    const response = await fetch(this.#origin() + path, { ...request, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  #keep(line: string): void {
    const [pair = "", ...attributes] = line.split(/; */);
    const name = pair.slice(0, pair.indexOf("="));
    if (attributes.includes("Max-Age=0")) this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(pair.indexOf("=") + 1));
  }
}
