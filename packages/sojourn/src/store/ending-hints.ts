/** Who wants to hear of sessions that ended, for engines to tell them. */

/** The id of a session that ended; null when any may have. A hint: a read says what is so. */
export type EndingListener = (id: string | null) => void;

export class EndingHints {
  readonly #listeners = new Set<EndingListener>();
  readonly #whileHeard: () => () => void;
  #stop: (() => void) | null = null;

  /** @param whileHeard begins what must run while somebody listens, and answers how to end it */
  constructor(whileHeard: () => () => void = () => () => undefined) {
    this.#whileHeard = whileHeard;
  }

  /** Answers how to stop. */
  listen(listener: EndingListener): () => void {
    this.#listeners.add(listener);
    this.#stop ??= this.#whileHeard();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  tell(id: string | null): void {
    for (const listener of this.#listeners) listener(id);
  }

  close(): void {
    this.#listeners.clear();
    this.#stop?.();
    this.#stop = null;
  }
}
