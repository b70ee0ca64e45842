/**
 * The session writes of one request, so that its response can wait for those
 * that the application did not await.
 *
 * A write that is under way when the response is to begin holds it back, and
 * its failure is answered in place of the response. So is a failure that came
 * before, unless somebody looked at it: then it was the application's to answer.
 */

import type { Notices } from "../lifecycle/notices.ts";

export interface Failure {
  readonly error: unknown;
}

interface FailedWrite extends Failure {
  readonly promise: ObservedPromise<unknown>;
}

/** Knows whether anybody looks: `await`, `then`, `catch` and `Promise.all` all come through `then` of a subclass. */
class ObservedPromise<T> extends Promise<T> {
  observed = false;

  // What is derived from it is an ordinary promise.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a promise is thenable
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.observed = true;
    return super.then(onFulfilled, onRejected);
  }

  /** A rejection that the application ignores must not end the process. */
  ignoreRejection(): void {
    void super.then(undefined, () => undefined);
  }
}

export class PendingWrites {
  readonly #notices: Notices;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #failed: FailedWrite[] = [];
  /** The first failure of a write that the response is waiting for. */
  #failure: Failure | null = null;
  #waiting = false;

  constructor(notices: Notices) {
    this.#notices = notices;
  }

  /** @param late whether the response had begun: then nothing waits for it. */
  track<T>(work: Promise<T>, late: boolean): Promise<T> {
    const promise = new ObservedPromise<T>((resolve, reject) => void work.then(resolve, reject));
    promise.ignoreRejection();
    if (late) {
      work.catch((error: unknown) => this.#reportUnlessObserved({ error, promise }));
      return promise;
    }
    this.#pending.add(work);
    work.then(
      () => this.#pending.delete(work),
      (error: unknown) => this.#fail(work, { error, promise }),
    );
    return promise;
  }

  /** Whether a response that is about to begin must wait, if only to be replaced. */
  get mustWait(): boolean {
    return this.#pending.size > 0 || this.#unseen() !== undefined;
  }

  /** Waits for the writes under way. Answers the failure to be answered in place of the response, or null. */
  async settled(): Promise<Failure | null> {
    this.#failure = this.#unseen() ?? null;
    this.#waiting = true;
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    this.#waiting = false;
    this.#failed.length = 0;
    return this.#failure;
  }

  #unseen(): FailedWrite | undefined {
    return this.#failed.find(({ promise }) => !promise.observed);
  }

  #fail(work: Promise<unknown>, failed: FailedWrite): void {
    this.#pending.delete(work);
    if (this.#waiting) this.#failure ??= failed;
    else this.#failed.push(failed);
  }

  /** The caller may look a moment later: `const written = session.set(…); await something(); await written`. */
  #reportUnlessObserved({ error, promise }: FailedWrite): void {
    setTimeout(() => {
      if (promise.observed) return;
      const message = error instanceof Error ? error.message : String(error);
      this.#notices.warn(
        "unawaited",
        `a session write that nobody awaited failed after the response began: ${message}`,
      );
    }, 0);
  }
}
