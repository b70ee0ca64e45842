/** A store that writes down what is asked of it, and can be told to fail or to wait. */

import { StoreUnavailableError } from "../../src/errors.ts";
import type { Store } from "../../src/store/store.ts";

const SYNCHRONOUS: ReadonlySet<string | symbol> = new Set(["now", "near", "stale", "onEnding", "onEvent"]);

export class WatchedStore {
  readonly store: Store;
  /** Names of the operations asked for, in their order; those that do no I/O are left out. */
  readonly calls: string[] = [];
  /** While true every operation rejects. */
  down = false;
  /** Runs before an operation of that name, and is waited for. */
  readonly before = new Map<string, () => Promise<void>>();

  constructor(inner: Store) {
    this.store = new Proxy(inner, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        const operation = (...args: unknown[]): unknown => Reflect.apply(member, target, args);
        if (SYNCHRONOUS.has(name)) return operation;
        return (...args: unknown[]) => this.#run(String(name), () => operation(...args));
      },
    });
  }

  async #run(name: string, operation: () => unknown): Promise<unknown> {
    this.calls.push(name);
    if (this.down) throw unavailable();
    await this.before.get(name)?.();
    return operation();
  }
}

export const INTERNAL_DETAIL = "connect ECONNREFUSED 10.11.12.13:6379";

function unavailable(): StoreUnavailableError {
  return new StoreUnavailableError(INTERNAL_DETAIL, { reason: "connection", outcome: "not_executed" });
}
