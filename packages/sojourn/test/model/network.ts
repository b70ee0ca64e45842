/** What becomes of the messages of one call on their way: every write is one message but `revokeUser`, which may be more. */

import { StoreUnavailableError } from "../../src/errors.ts";

/**
 * `held` messages arrive when they are delivered, or never; `echoed` ones arrive now and then once more.
 * Of both, of a lost request and of a lost answer the caller is told that nobody knows.
 */
export type FaultKind = "none" | "request lost" | "answer lost" | "twice" | "held" | "echoed";

export interface Fault {
  readonly kind: FaultKind;
  /** Which message of the call: 0 for the first. */
  readonly at: number;
}

export const NO_FAULT: Fault = { kind: "none", at: 0 };

/** What a run has of the network between a store and its engine. */
export interface Faults {
  /** Messages that were held, in the order in which they were sent. */
  readonly held: Delivery[];
  /** Messages of the last call. */
  readonly messages: number;
  /** For the next call. */
  arm(fault: Fault): void;
  /** What the fault comes to for the caller, where a client does something about it. */
  met(fault: Fault): Fault;
}

/** Delivers a held message; answers whether it was refused as late. */
export type Delivery = () => Promise<boolean>;

/** A network that is made of calls. */
export class Network implements Faults {
  readonly held: Delivery[] = [];
  #fault = NO_FAULT;
  #messages = 0;

  get messages(): number {
    return this.#messages;
  }

  arm(fault: Fault): void {
    this.#fault = fault;
    this.#messages = 0;
  }

  met(fault: Fault): Fault {
    return fault;
  }

  /**
   * @param send has it executed and answers the reply; one that rejects was not executed and may be tried again
   * @param later the same, for a message that was held
   */
  async convey<T>(send: () => Promise<T>, later: Delivery): Promise<T> {
    const kind = this.#messages === this.#fault.at ? this.#fault.kind : "none";
    if (kind === "request lost" || kind === "held") {
      this.#messages += 1;
      if (kind === "held") this.held.push(later);
      throw connectionLost();
    }
    const first = await send();
    this.#messages += 1;
    if (kind === "twice") return send();
    if (kind === "answer lost") throw connectionLost();
    if (kind === "echoed") this.held.push(later);
    return first;
  }
}

function connectionLost(): StoreUnavailableError {
  return new StoreUnavailableError("the connection was lost", { reason: "connection", outcome: "unknown" });
}
