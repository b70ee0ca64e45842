/**
 * What an application does all the while: logs users in, looks at their sessions, ends sessions, every second ending as a
 * durable one. It notes what it was told, and what it should not have been told.
 */

import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { StoreUnavailableError } from "../../src/errors.ts";

const TICK_MS = 20;
/** Every so many ticks a session is ended. */
const TICKS_PER_ENDING = 2;
/** Sessions are ended at this age, and looked at for so long after their end. */
const LIFE_MS = 400;
const LOOKED_AT_MS = 6_000;

export interface Login {
  readonly id: string;
  readonly token: string;
  readonly begunAt: number;
  readonly endedAt: number;
}

export interface Ending extends Login {
  /** That must have it before it is acknowledged; 0 for an ending that is not durable. */
  readonly replicas: number;
}

/** A session that was said not to be valid, and that nobody had ended. */
export interface Refused {
  readonly id: string;
  readonly reason: string;
}

/** What was said of a session whose end had been acknowledged. */
export interface Looked {
  readonly id: string;
  readonly at: number;
  /** By the process that had ended it. */
  readonly own: boolean;
}

export interface Told {
  readonly id: string;
  readonly at: number;
}

export interface LoadReport {
  readonly logins: readonly Login[];
  readonly endings: readonly Ending[];
  /** Not ended, nor was it tried. */
  readonly live: readonly string[];
  readonly refused: readonly Refused[];
  /** Said to be valid, and said not to be. */
  readonly accepted: readonly Looked[];
  readonly denied: readonly Looked[];
  /** Ids of acknowledged logins that nobody knew when they were to be ended. */
  readonly lost: readonly string[];
  /** Sessions whose end was told to the server again. */
  readonly toldAgain: readonly Told[];
  /** How often each call was answered with an error, by the call and what was said. */
  readonly errors: Readonly<Record<string, number>>;
  readonly calls: number;
}

/** The same for every process of the machine. */
export function wallNow(): number {
  return performance.timeOrigin + performance.now();
}

export class Load {
  readonly #sessions: Sessions;
  readonly #replicas: number;
  readonly #onEnded: (ending: Ending) => void;
  readonly #pending = new Set<Promise<void>>();
  readonly #known = new Set<string>();
  #live = new Map<string, Login>();
  #ended: { readonly login: Login; readonly own: boolean }[] = [];
  #report = emptyReport();
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;

  /**
   * @param replicas that the store waits for
   * @param onEnded hears of each acknowledged end
   */
  constructor(sessions: Sessions, replicas: number, onEnded: (ending: Ending) => void) {
    this.#sessions = sessions;
    this.#replicas = replicas;
    this.#onEnded = onEnded;
    sessions.events.on("ended", ({ sessionId }) => {
      if (this.#known.has(sessionId)) this.#report.toldAgain.push({ id: sessionId, at: wallNow() });
    });
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** What happened since the last time. Waits for the calls under way. */
  async stop(): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    const report = { ...this.#report, live: [...this.#live.keys()] };
    this.#live = new Map();
    this.#report = emptyReport();
    return report;
  }

  /** Another process has ended it. */
  heard(ending: Ending): void {
    this.#known.add(ending.id);
    this.#ended.push({ login: ending, own: false });
  }

  #tick(): void {
    this.#ticks++;
    const now = wallNow();
    this.#call("login", () => this.#login(now));
    const live = someOf([...this.#live.values()]);
    if (live !== undefined) this.#call("validate", () => this.#look(live));
    while (this.#ended[0] !== undefined && this.#ended[0].login.endedAt < now - LOOKED_AT_MS) this.#ended.shift();
    const ended = someOf(this.#ended);
    if (ended !== undefined) this.#call("validate", () => this.#lookAtEnded(ended.login, ended.own));
    if (this.#ticks % TICKS_PER_ENDING !== 0) return;
    const due = someOf([...this.#live.values()].filter(({ endedAt }) => endedAt < now - LIFE_MS));
    if (due === undefined) return;
    this.#live.delete(due.id);
    const durable = this.#ticks % (2 * TICKS_PER_ENDING) === 0;
    this.#call(durable ? "durable revoke" : "revoke", () => this.#end(due, durable));
  }

  async #login(begunAt: number): Promise<void> {
    const { token, session } = await this.#sessions.create({ userId: `user-${this.#ticks % 200}` });
    const login = { id: session.id, token, begunAt, endedAt: wallNow() };
    this.#report.logins.push(login);
    this.#live.set(login.id, login);
  }

  async #look({ id, token }: Login): Promise<void> {
    const result = await this.#sessions.validate(token, { touch: false });
    if (!result.valid && this.#live.has(id)) this.#report.refused.push({ id, reason: result.reason });
  }

  async #lookAtEnded({ id, token }: Login, own: boolean): Promise<void> {
    const at = wallNow();
    const { valid } = await this.#sessions.validate(token, { touch: false });
    this.#report[valid ? "accepted" : "denied"].push({ id, at, own });
  }

  async #end(login: Login, durable: boolean): Promise<void> {
    const begunAt = wallNow();
    const isEnded = await this.#sessions.revoke(login.id, { durable }).catch((error: unknown) => {
      // Nothing happened to it, so it is one to be looked at still.
      if (error instanceof StoreUnavailableError && error.outcome === "not_executed") this.#live.set(login.id, login);
      throw error;
    });
    if (!isEnded) return void this.#report.lost.push(login.id);
    const ending = { ...login, replicas: durable ? this.#replicas : 0, begunAt, endedAt: wallNow() };
    this.#known.add(login.id);
    this.#report.endings.push(ending);
    this.#ended.push({ login: ending, own: true });
    this.#onEnded(ending);
  }

  #call(what: string, work: () => Promise<void>): void {
    this.#report.calls++;
    const done = work().catch((error: unknown) => {
      const isExpected = error instanceof StoreUnavailableError;
      const said = `${what}: ${isExpected ? `${error.reason}, ${error.outcome}` : String(error)}`;
      this.#report.errors[said] = (this.#report.errors[said] ?? 0) + 1;
    });
    this.#pending.add(done);
    void done.finally(() => this.#pending.delete(done));
  }
}

function emptyReport() {
  return {
    logins: [] as Login[],
    endings: [] as Ending[],
    refused: [] as Refused[],
    accepted: [] as Looked[],
    denied: [] as Looked[],
    lost: [] as string[],
    toldAgain: [] as Told[],
    errors: {} as Record<string, number>,
    calls: 0,
  };
}

function someOf<T>(all: readonly T[]): T | undefined {
  return all[Math.floor(Math.random() * all.length)];
}
