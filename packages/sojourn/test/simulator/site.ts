/** The servers of one world: two processes on one store, behind one name. */

import { Exchange } from "../../src/adapters/exchange.ts";
import { ExchangeRules } from "../../src/adapters/exchange-rules.ts";
import type { RequestView } from "../../src/adapters/views.ts";
import type { HeaderSink } from "../../src/adapters/response-headers.ts";
import { createSessions, memoryStore, type Sessions, type SessionsOptions } from "../../src/index.ts";
import { StoreUnavailableError } from "../../src/errors.ts";
import { OLDER_SECRET, TEST_SECRET } from "../support/secrets.ts";
import { distantStore } from "./distant-store.ts";
import { generationOf, type Journal, type Party } from "./journal.ts";
import type { Random } from "../support/random.ts";
import type { Timeline } from "./timeline.ts";

const COOKIE = "__Host-Http-sid";
const ORIGIN = "https://shop.example";
/** The application renews a session's token with every so many-th of its requests. */
const ROTATE_EVERY = 100;

export interface Asked {
  readonly party: Party;
  /** What the cookie holds; null without one. */
  readonly token: string | null;
  /** How long the handler works before it answers. */
  readonly handlerMs: number;
  readonly logout?: boolean;
}

export interface Answer {
  readonly status: 200 | 401 | 503;
  /** What its Set-Cookie header says: a token, null to remove the cookie, undefined without one. */
  readonly cookie: string | null | undefined;
}

export class Site {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #open: (secrets: readonly string[]) => readonly [Process, Process];
  #processes: readonly [Process, Process];
  #requests = 0;

  constructor(
    timeline: Timeline,
    random: Random,
    journal: Journal,
    rotation: NonNullable<SessionsOptions["rotation"]>,
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.#journal = journal;
    const store = distantStore(memoryStore({ clock: timeline }), timeline, random, journal);
    const process = (secrets: readonly string[]): Process => {
      const sessions = createSessions({
        store,
        clock: timeline,
        secrets,
        rotation,
        background: false,
        log: () => undefined,
      });
      return { sessions, rules: new ExchangeRules(sessions, {}) };
    };
    this.#open = (secrets) => [process(secrets), process(secrets)];
    this.#processes = this.#open([OLDER_SECRET]);
  }

  /** The new first secret signs from now on. */
  changeSecrets(): void {
    this.#processes = this.#open([TEST_SECRET, OLDER_SECRET]);
  }

  /** The token of a new session. */
  async logIn(): Promise<string> {
    for (;;) {
      try {
        return (await this.#processes[0].sessions.create({ userId: "ada" })).token;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
      }
    }
  }

  /** Answers a request that has arrived. */
  async answer({ party, token, handlerMs, logout = false }: Asked): Promise<Answer> {
    const response = { headersSent: false, begun: false, touched: false, onHeaders: touch, onWrites: () => undefined };
    const { rules } = this.#random.pick(this.#processes);
    const exchange = new Exchange(rules, requestWith(token, logout), response);
    const presented = { party, at: this.#timeline.age, generation: token === null ? -1 : generationOf(token) };
    let status: Answer["status"] = 200;
    try {
      await exchange.begun();
      const loggedIn = exchange.session.active;
      if (token !== null) this.#journal.presentations.push({ ...presented, loggedIn });
      if (!loggedIn) status = 401;
      else if (logout) await exchange.session.logout();
      else if (++this.#requests % ROTATE_EVERY === 0) await exchange.session.rotate();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      status = 503;
    }
    await this.#timeline.sleep(handlerMs);
    response.headersSent = true;
    const headers = new Headers();
    if (response.touched) exchange.applyTo(headers);
    return { status, cookie: headers.cookie };

    function touch(): void {
      response.touched = true;
    }
  }
}

interface Process {
  readonly sessions: Sessions;
  readonly rules: ExchangeRules;
}

function requestWith(token: string | null, logout: boolean): RequestView {
  const headers: Record<string, string | undefined> = {
    cookie: token === null ? undefined : `${COOKIE}=${token}`,
    origin: ORIGIN,
  };
  return {
    method: logout ? "POST" : "GET",
    secure: true,
    host: new URL(ORIGIN).host,
    ip: undefined,
    peer: undefined,
    fingerprint: undefined,
    countsAsActivity: true,
    onUnavailable: "reject",
    header: (name) => headers[name],
  };
}

/** The response's headers, of which only Set-Cookie matters here. */
class Headers implements HeaderSink {
  cookie: string | null | undefined;

  get(): undefined {
    return undefined;
  }

  set(name: string, value: string | readonly string[]): void {
    if (name !== "Set-Cookie") return;
    const [line = ""] = typeof value === "string" ? [value] : value;
    this.cookie = /;\s*Max-Age=0\b/i.test(line) ? null : line.slice(COOKIE.length + 1).split(";")[0];
  }
}
