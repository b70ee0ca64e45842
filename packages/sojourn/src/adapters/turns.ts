/** Steps of one request that change which session it has, one after the other. @internal */
export class Turns {
  #taken: Promise<void> | null = null;

  /** Settles with the step that is under way, and never rejects; null when there is none. */
  get taken(): Promise<void> | null {
    return this.#taken;
  }

  async take<T>(step: () => Promise<T>): Promise<T> {
    while (this.#taken !== null) await this.#taken;
    const result = step();
    const done = (): void => {
      this.#taken = null;
    };
    this.#taken = result.then(done, done);
    return result;
  }
}
