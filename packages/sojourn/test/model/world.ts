/** What the callers of a store know, together with the model: the state that commands work on. */

import { createHash } from "node:crypto";
import { BUCKETS, bucketCharacters, bucketOf } from "../../src/data/session-id.ts";
import type { Placement } from "../../src/store/placement.ts";
import { Ledger } from "./ledger.ts";
import { Model, type ModelSession } from "./model.ts";
import type { Message, Traits, Write } from "./write.ts";

/** A token that somebody was given, or made and may not have been given. */
export interface KnownToken {
  readonly generation: number;
  readonly hash: string;
}

/** A session that somebody tried to create. */
export interface KnownSession {
  readonly name: string;
  readonly id: string;
  readonly userKey: string | null;
  readonly initial: ModelSession;
  readonly tokens: KnownToken[];
}

export const USERS = ["ada", "grace", "hedy"] as const;
/** Writes that somebody may send again. */
const REMEMBERED = 8;
/** Messages on their way; the oldest gets lost. */
export const MOST_IN_FLIGHT = 6;

export class World {
  readonly traits: Traits;
  readonly ledger = new Ledger();
  readonly sessions: KnownSession[] = [];
  readonly sent: Write[] = [];
  readonly inFlight: Message[] = [];
  model = new Model();
  /** How many messages the engine sent for the call that is looked at. */
  messages = 0;
  readonly #placement: Placement;
  #serial = 0;

  constructor(traits: Traits, placement: Placement) {
    this.traits = traits;
    this.#placement = placement;
  }

  serial(): number {
    return ++this.#serial;
  }

  /** Bytes that were never used before, the same in each run of the same commands. */
  bytes(length: number): Buffer {
    return createHash("sha512").update(String(this.serial())).digest().subarray(0, length);
  }

  userKey(user: string): string {
    return this.#placement.userKey(user);
  }

  /** The same in each run but for the bucket, which engines choose. */
  newId(user: string | null): string {
    const bucket = user === null ? this.#serial % BUCKETS : bucketOf(this.userKey(user));
    return bucketCharacters(bucket) + this.bytes(16).toString("base64url");
  }

  /** One of the latest sessions: few, so that commands meet; mostly one that is live, for others only answer that it is gone. */
  pick(choice: number): KnownSession {
    const live = choice % 4 === 0 ? [] : this.sessions.filter(({ id }) => this.model.live(id) !== null);
    const recent = (live.length > 0 ? live : this.sessions).slice(-5);
    const picked = recent[choice % recent.length];
    if (picked === undefined) throw new Error("no session was created yet");
    return picked;
  }

  /** The session as its callers think it is: as stored, or as it began. */
  asKnown(session: KnownSession): ModelSession {
    return this.model.stored(session.id) ?? session.initial;
  }

  nameOf(id: string): string {
    return this.sessions.find((each) => each.id === id)?.name ?? id;
  }

  /** Only what keeps its fence may be sent again: the fence of another would begin anew. */
  remember(write: Write): void {
    const harmless = this.traits.operationIds || !write.needsOperationIds;
    const named = write.call.operationId !== undefined || !write.needsOperationIds;
    if (write.call.notAfter === undefined || !harmless || !named || this.sent.includes(write)) return;
    this.sent.push(write);
    if (this.sent.length > REMEMBERED) this.sent.shift();
  }
}
