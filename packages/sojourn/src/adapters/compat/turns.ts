/** Steps of one request, one after the other. @internal */
export class Turns {
  /** A step under way. Settles, never rejects. */
  #taken: Promise<void> | null = null;

  get isTaken(): boolean {
    return this.#taken !== null;
  }

  async take(step: () => Promise<void>): Promise<void> {
    while (this.#taken !== null) await this.#taken;
    const result = step();
    const done = (): void => {
      this.#taken = null;
    };
    this.#taken = result.then(done, done);
    return result;
  }
}
