/** `req.sessionStore`: what of express-session's store makes sense where sessions are Sojourn's own. */

import { EventEmitter } from "node:events";
import type { Sessions } from "../../lifecycle/sessions.ts";
import type { Fields } from "./rules.ts";
import type { Callback, CompatSession } from "./session-object.ts";

type Found<T> = (error: unknown, found?: T) => void;

/** By public ids (`req.sessionID`). There is no `set`: what a request changed is stored as changes, by its own session. */
export class CompatStore extends EventEmitter {
  readonly #sessions: Sessions<Fields>;

  constructor(sessions: Sessions<Fields>) {
    super();
    this.#sessions = sessions;
  }

  /** The fields of a live session; null when there is none. */
  get(id: string, callback: Found<Fields | null>): void {
    const found = this.#sessions.get(id).then((session) => (session === null ? null : { ...session.data }));
    answer(found, callback);
  }
  destroy(id: string, callback?: Callback): void {
    const ended = this.#sessions.revoke(id, { reason: "logout" }).then(() => undefined);
    answer(ended, callback ?? (() => undefined));
  }
  /** Stores activity. Happens by itself. */
  touch(id: string, _session: unknown, callback?: Callback): void {
    const touched = this.#sessions.get(id).then((session) => session?.touch());
    answer(touched, callback ?? (() => undefined));
  }
  /** How many sessions live. */
  length(callback: Found<number>): void {
    answer(this.#sessions.count(), callback);
  }
  regenerate(req: { session: CompatSession }, callback: Callback): void {
    req.session.regenerate(callback);
  }
}

function answer<T>(work: Promise<T>, callback: Found<T>): void {
  work.then(
    (found) => process.nextTick(callback, null, found),
    (error: unknown) => process.nextTick(callback, error),
  );
}
