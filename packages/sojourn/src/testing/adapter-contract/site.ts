/** What a case of the adapter contract works with: a served site, its store, and browsers. */

import type { AdapterOptions } from "../../adapters/exchange-rules.ts";
import type { RequestSession } from "../../adapters/request-session.ts";
import { createSessions, type SessionsOptions } from "../../create-sessions.ts";
import { StoreUnavailableError } from "../../errors.ts";
import type { OnUnavailable } from "../../lifecycle/on-unavailable.ts";
import type { Sessions } from "../../lifecycle/sessions.ts";
import { openStore } from "../../open.ts";
import type { Store } from "../../store/store.ts";
import { type ManualClock, manualClock } from "../manual-clock.ts";
import { Browser, type Outgoing, type Reply, send } from "./client.ts";

/** What a route answers: status 200, these headers and this body, sent as the framework's handlers send. */
export interface ContractAnswer {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called, and waited for, when the response has begun and before it ends. */
  readonly after?: () => Promise<void>;
}

/** A guard that the adapter exports, called with `argument` if there is one. */
export interface ContractGuard {
  readonly name: "requireUser" | "requireRole" | "requirePermission" | "requireFresh" | "csrf";
  readonly argument?: unknown;
}

export interface ContractRoute {
  /** GET answers HEAD too. */
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Asked before the handler, in this order. */
  readonly guards?: readonly ContractGuard[];
  /**
   * Called with the session of the request. An answer that is no promise must be sent without waiting for
   * anything; a rejection goes to the framework's error handler, which answers `error.status`, or 500.
   */
  handle(session: RequestSession): ContractAnswer | Promise<ContractAnswer>;
}

/** Options that every adapter takes. */
export type ContractOptions = AdapterOptions & { readonly onUnavailable?: OnUnavailable | (() => OnUnavailable) };

/** What to serve: the adapter over these sessions, with these options, before these routes. */
export interface ContractSite {
  readonly sessions: Sessions;
  readonly options: ContractOptions;
  readonly routes: readonly ContractRoute[];
}

/** A site that is served over HTTP. */
export interface ServedSite {
  /** As in `http://127.0.0.1:4711`. */
  readonly origin: string;
  close(): Promise<void>;
}

export const COOKIE = "__Host-Http-sid";
const SECRET = "a secret of the adapter contract, long enough";

/** Settings of one case. */
export interface SiteSettings {
  readonly sessions?: Pick<SessionsOptions, "transport" | "anonymous" | "limit" | "binding" | "adopt">;
  readonly options?: ContractOptions;
  /** With a near cache. */
  readonly nearCache?: boolean;
}

/** One sentence of the adapter contract, and how to see whether it holds. */
export interface AdapterCase {
  readonly name: string;
  readonly settings?: SiteSettings;
  run(site: TestSite): Promise<void>;
}

export class TestSite {
  readonly sessions: Sessions;
  /** Names of the operations that reached the store. */
  readonly calls: string[] = [];
  readonly log: string[] = [];
  /** While true every operation of the store fails. */
  down = false;
  /** While true every read fails, and nothing else. */
  readsFail = false;
  /** While set, operations that write wait so long first. */
  writesTakeMs = 0;
  origin = "";
  readonly clock: ManualClock;

  constructor(store: Store, clock: ManualClock, settings: SiteSettings) {
    this.clock = clock;
    this.sessions = createSessions({
      ...settings.sessions,
      store: this.#watched(store),
      secrets: [SECRET],
      clock,
      log: (line) => this.log.push(line),
    });
  }

  /** Serves the site for as long as the work takes. */
  static async during(
    start: (site: ContractSite) => Promise<ServedSite>,
    settings: SiteSettings,
    routes: readonly ContractRoute[],
    work: (site: TestSite) => Promise<void>,
  ): Promise<void> {
    const clock = manualClock();
    const { nearCache = false } = settings;
    const store = await openStore(nearCache ? "sqlite::memory:" : "memory:", { clock, nearCache });
    const site = new TestSite(store, clock, settings);
    await site.sessions.ready();
    const served = await start({ sessions: site.sessions, options: settings.options ?? {}, routes });
    site.origin = served.origin;
    site.calls.length = 0;
    try {
      await work(site);
    } finally {
      await served.close();
      await site.sessions.close();
    }
  }

  browser(): Browser {
    return new Browser(this.origin);
  }
  /** A browser in which ada has logged in. */
  async user(): Promise<Browser> {
    const browser = this.browser();
    await browser.post("/login");
    this.calls.length = 0;
    return browser;
  }
  send(path: string, init: Outgoing = {}): Promise<Reply> {
    return send(this.origin + path, init);
  }

  #watched(store: Store): Store {
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function" || ["now", "near", "stale", "onEnding"].includes(String(name))) {
          return typeof member === "function" ? (member.bind(target) as unknown) : member;
        }
        return (...args: unknown[]) => this.#run(String(name), () => Reflect.apply(member, target, args) as unknown);
      },
    });
  }

  async #run(name: string, operation: () => unknown): Promise<unknown> {
    this.calls.push(name);
    const writes = name === "create" || name === "patch";
    if (writes && this.writesTakeMs > 0) await new Promise((resolve) => setTimeout(resolve, this.writesTakeMs));
    if ((this.down && name !== "close") || (this.readsFail && name === "read")) {
      throw new StoreUnavailableError("connect ECONNREFUSED 10.11.12.13:6379", {
        reason: "connection",
        outcome: "not_executed",
      });
    }
    return operation();
  }
}
