/** A network that cuts connections for real: what becomes of a message then is the client's doing. */

import { CuttingProxy, type Order } from "../../support/cutting-proxy.ts";
import type { RunScript } from "./redis-seam.ts";
import type { Delivery, Fault, FaultKind, Faults } from "../network.ts";

const ORDERS: Readonly<Partial<Record<FaultKind, Order>>> = {
  "request lost": "cut before",
  "answer lost": "cut after",
  twice: "twice",
};

/** A client that sends again what was cut off gets it executed once or twice, and an answer. */
const RESENT: Readonly<Partial<Record<FaultKind, FaultKind>>> = { "request lost": "none", "answer lost": "twice" };

export class CutNetwork implements Faults {
  readonly held: Delivery[] = [];
  readonly #proxy: CuttingProxy;
  readonly #resends: boolean;

  constructor(proxy: CuttingProxy, resends: boolean) {
    this.#proxy = proxy;
    this.#resends = resends;
  }

  static async before(
    redisPort: number,
    resends: boolean,
    scripts: ReadonlyMap<string, RunScript>,
  ): Promise<CutNetwork> {
    const names = new Map([...scripts.values()].map(({ sha1, name }) => [sha1, name]));
    return new CutNetwork(await CuttingProxy.before(redisPort, names), resends);
  }

  get port(): number {
    return this.#proxy.port;
  }

  /** One that was sent again is still one. */
  get messages(): number {
    return new Set(this.#proxy.executed.map(({ script }) => script)).size;
  }

  arm({ kind, at }: Fault): void {
    this.#proxy.withdraw();
    this.#proxy.executed.length = 0;
    const order = ORDERS[kind];
    if (order !== undefined) this.#proxy.onceAmong(order, at);
  }

  met({ kind, at }: Fault): Fault {
    return { kind: this.#resends ? (RESENT[kind] ?? kind) : kind, at };
  }

  close(): Promise<void> {
    return this.#proxy.close();
  }
}
