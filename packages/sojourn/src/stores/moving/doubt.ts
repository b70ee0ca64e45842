/** What became of an ending at one of two stores: where that is not known, the other one is told all the same. */

import { StoreUnavailableError } from "../../errors.ts";

export class Doubt {
  #error: StoreUnavailableError | null = null;

  /** What the store answers, or `otherwise` where the outcome is unknown, as when no replica confirmed it. */
  async of<T>(ending: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await ending;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || error.outcome !== "unknown") throw error;
      this.#error ??= error;
      return otherwise;
    }
  }

  /** @throws StoreUnavailableError when one of the outcomes is unknown */
  settled<T>(outcome: T): T {
    if (this.#error !== null) throw this.#error;
    return outcome;
  }
}
