/** A browser of the session's owner: one cookie jar, three tabs, and somebody who comes and goes. */

import { generationOf, type Journal } from "./journal.ts";
import type { Network } from "./network.ts";
import type { Random } from "../support/random.ts";
import type { Site } from "./site.ts";
import type { Timeline } from "./timeline.ts";

const TABS = 3;
const MAX_TRIES = 4;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** A client, or a proxy on its way, sends the same request twice. */
const REPEATED = 0.005;

export class Browser {
  /** What the jar holds under the session cookie's name: the last Set-Cookie that arrived counts (RFC 6265 5.3). */
  jar: string | null;
  requests = 0;
  #left = false;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #network: Network;
  readonly #site: Site;
  readonly #journal: Journal;

  constructor(
    token: string,
    parts: { timeline: Timeline; random: Random; network: Network; site: Site; journal: Journal },
  ) {
    this.jar = token;
    this.#timeline = parts.timeline;
    this.#random = parts.random;
    this.#network = parts.network;
    this.#site = parts.site;
    this.#journal = parts.journal;
  }

  /** Nobody uses it any more, or it has no session to use. */
  get closed(): boolean {
    return this.#left || this.jar === null;
  }

  close(): void {
    this.#left = true;
  }

  /** Visits until so many requests were made; then half of them log out and the others stay away. */
  async use(requests: number): Promise<void> {
    while (this.requests < requests && !this.closed) {
      await this.#visit(requests);
      await this.#timeline.sleep(this.#random.spread(MINUTE, 4 * HOUR));
    }
    if (!this.closed && this.#random.chance(0.5)) await this.#logOut();
    this.close();
  }

  async #visit(requests: number): Promise<void> {
    // A browser that starts again loads all its tabs at once.
    const restored = this.#random.chance(0.3) ? TABS : 1;
    await Promise.all(Array.from({ length: restored }, () => this.#page()));
    const pages = this.#random.whole(2, 40);
    for (let i = 0; i < pages && this.requests < requests && !this.closed; i++) {
      await this.#timeline.sleep(300 + this.#random.waiting(4 * SECOND));
      const tabs = this.#random.chance(0.2) ? this.#random.whole(2, TABS) : 1;
      const loads = Array.from({ length: tabs }, () => this.#page());
      // Whoever clicks on does not wait for the page.
      if (this.#random.chance(0.6)) await Promise.all(loads);
    }
  }

  /** A page and what it asks for, all under way together. */
  async #page(): Promise<void> {
    const parts = Array.from({ length: this.#random.whole(1, 6) }, () => this.#request());
    await Promise.all(parts);
  }

  async #request(logout = false): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES && !this.closed; tries++) {
      if (await this.#sent(logout)) return;
      await this.#timeline.sleep(this.#random.between(SECOND, 10 * SECOND));
    }
  }

  /** One try. False when no answer came, or 503. */
  async #sent(logout: boolean): Promise<boolean> {
    this.requests++;
    const token = this.jar;
    const handlerMs = this.#handlerMs();
    const there = this.#network.request();
    if (there === null) return false;
    await this.#timeline.sleep(there);
    if (this.#random.chance(REPEATED)) void this.#repeat(token);
    const { status, cookie } = await this.#site.answer({ party: "owner", token, handlerMs, logout });
    const back = this.#network.response();
    if (back === null) return false;
    await this.#timeline.sleep(back);
    if (cookie !== undefined) this.#keep(cookie);
    return status !== 503;
  }

  #keep(cookie: string | null): void {
    if (cookie !== null && this.jar !== null && generationOf(cookie) < generationOf(this.jar)) this.#journal.setBack++;
    this.jar = cookie;
  }

  /** Its answer reaches nobody. */
  async #repeat(token: string | null): Promise<void> {
    await this.#timeline.sleep(this.#random.between(0, 5 * SECOND));
    await this.#site.answer({ party: "owner", token, handlerMs: 0 });
  }

  /** Most handlers are quick; some take seconds, a few hold their answer back for minutes. */
  #handlerMs(): number {
    if (this.#random.chance(0.003)) return this.#random.between(20 * SECOND, 3 * MINUTE);
    if (this.#random.chance(0.01)) return this.#random.between(SECOND, 15 * SECOND);
    return this.#random.spread(1, 200);
  }

  async #logOut(): Promise<void> {
    this.#journal.logoutAt = this.#timeline.age;
    await this.#request(true);
  }
}
