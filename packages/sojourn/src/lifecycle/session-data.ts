/** The data of a session by its id, for code that holds no session object. */

import { checkName } from "../data/codec.ts";
import type { FieldEdit } from "../data/field-rules.ts";
import { SessionEndedError } from "../errors.ts";
import { isSessionId } from "../data/session-id.ts";
import { type DataObject, dataFrom, type FieldValue, valueFrom } from "../data/draft.ts";
import { type FieldWriter, Outbox } from "./field-writer.ts";
import type { Counter, Draft } from "./session.ts";

/** Absence is an answer here: `false`, `null` or `undefined` when there is no such live session. */
export class SessionDataById<D extends object = DataObject> {
  /** Only for the type checker, never there: typed data fits where untyped is taken, not the other way round. */
  declare readonly "~data"?: Readonly<D>;
  readonly #id: string;
  readonly #writer: FieldWriter;
  readonly #outbox = new Outbox();

  /** @internal */
  constructor(id: string, writer: FieldWriter) {
    this.#id = id;
    this.#writer = writer;
  }

  /** The stored value; undefined when there is no such field or session. */
  async get<K extends keyof D & string>(name: K): Promise<D[K] | undefined> {
    checkName(name);
    if (!isSessionId(this.#id)) return undefined;
    const view = await this.#writer.read(this.#id).catch((error: unknown) => this.#nullWhenEnded(error));
    return view === null ? undefined : (valueFrom(view.texts, name) as D[K] | undefined);
  }

  /** True when stored, false when there is no such session. @throws what `session.set` throws */
  async set<K extends keyof D & string>(name: K, value: FieldValue<D, K>): Promise<boolean> {
    return (await this.#write({ kind: "set", name, value })) !== null;
  }

  /** True when the session is there, false when it is not. */
  async delete(name: keyof D & string): Promise<boolean> {
    return (await this.#write({ kind: "delete", name })) !== null;
  }

  /** The sum, or null when there is no such session. @throws WrongKindError */
  async increment(name: Counter<D>, by = 1): Promise<number | null> {
    return this.#write({ kind: "increment", name, by });
  }

  /** The new data, or null when there is no such session. See `session.update`. @throws ConflictError */
  async update(change: (draft: Draft<D>) => void): Promise<Readonly<Partial<D>> | null> {
    if (!isSessionId(this.#id)) return null;
    const updated = this.#writer.update(this.#id, () => null, change as (draft: DataObject) => unknown);
    const view = await updated.catch((error: unknown) => this.#nullWhenEnded(error));
    return view === null ? null : (dataFrom(view.texts) as Readonly<Partial<D>>);
  }

  async #write(edit: FieldEdit): Promise<number | null> {
    if (!isSessionId(this.#id)) {
      // A wrong call is one whatever the id.
      this.#writer.fields.change(edit);
      return null;
    }
    try {
      const written = await this.#writer.write(this.#outbox, this.#id, edit);
      return written?.sum ?? null;
    } catch (error) {
      return this.#nullWhenEnded(error);
    }
  }

  /** Only the end of this session is an answer; the function may have met the end of another. */
  #nullWhenEnded(error: unknown): null {
    if (error instanceof SessionEndedError && error.sessionId === this.#id) return null;
    throw error;
  }
}
