/**
 * Sessions that another library names, and that have no token: express-session keeps its own ids, in its own cookies.
 *
 * A session's id is a keyed hash of its name, so that whoever reads the store cannot present what lies there. The name
 * itself is kept sealed under `secrets`, for lists. What a caller writes is compared with what it read, and only what
 * differs is sent: writers of different fields both succeed. An id that has ended stays so: writes to it change nothing.
 * Texts are JSON by field; times are this process's wall time, which such libraries compare with, and are turned into
 * the store's on the way.
 */

import { randomBytes } from "node:crypto";
import { checkName } from "../data/codec.ts";
import { changesBetween } from "../data/draft.ts";
import type { FieldChange } from "../data/field-patch.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { TOKEN_HASH_LENGTH } from "../data/record.ts";
import { LruMap } from "../security/lru-map.ts";
import { ConfigError, EncryptionKeyMissingError, SessionEndedError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import { isRecord } from "../store/store.ts";
import type { Core } from "./core.ts";
import { refusalOf } from "./field-writer.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import { checkFirstFields, firstRecord } from "./new-session.ts";
import { defaultTouchInterval, type Policy } from "./policy.ts";

export type Texts = ReadonlyMap<string, string>;

/** A session as it was read, or as this process left it. */
export interface NamedSnapshot {
  readonly texts: Texts;
  readonly expiresAt: number;
  /** The same, but for activity of this process that was too recent to be stored. */
  readonly saidUntil: number;
}

export interface NamedWrite {
  /** What the caller took the session for when it began to change it; null: what is stored when the write's turn comes. */
  readonly known: () => NamedSnapshot | null;
  /** What it is to be; null: nothing is to be written. Of null where there is no such session yet. */
  readonly change: (before: Texts | null) => Texts | null;
  /** When it is to end; null: when its policy's idle timeout is over. */
  readonly expiresAt: number | null;
}

/** What the sealed name is authenticated with; no field has it. */
const SEALED_NAME = "\0name";
/** Clocks that differ by less are one: a sample of a server's clock is no more exact. */
const SAME_CLOCK_MS = 25;
const PAGE = 500;
const MOST_NOTED = 10_000;

export class NamedSessions {
  readonly #core: Core;
  readonly #policy: Policy;
  readonly #queue = new KeyedQueue();
  /** By id: until when a session is said to last while the store says otherwise. */
  readonly #noted = new LruMap<string, { readonly stored: number; readonly said: number }>(MOST_NOTED);

  /** @throws ConfigError where a schema says what data must look like: the other library's own fields are not in it */
  constructor(core: Core, policy = DEFAULTS.namedPolicy.name as string) {
    if (!core.fields.areAbsent) {
      throw new ConfigError(
        "These sessions have a schema or a version, and express-session has data of its own: give its store another createSessions() without them, on the same store if you like.",
      );
    }
    this.#core = core;
    this.#policy = core.policies.orElse(policy, DEFAULTS.namedPolicy);
  }

  /** Null when there is none, or its time is over. @throws StoreUnavailableError, EncryptionKeyMissingError */
  async read(name: string): Promise<NamedSnapshot | null> {
    const id = await this.#idOf(name);
    return this.#snapshot(id, await this.#core.liveRecord(id));
  }

  /**
   * Writes of one name follow one another. Answers what is stored then, as far as this process knows; null when nothing
   * was written because the session has ended, or there was nothing to write.
   * @throws what `session.set` throws
   */
  write(name: string, { known, change, expiresAt }: NamedWrite): Promise<NamedSnapshot | null> {
    return this.#queue.run(name, async () => {
      const id = await this.#idOf(name);
      const { idleMs, absoluteMs } = this.#policy;
      const ends = Math.min(expiresAt ?? this.now() + idleMs, this.now() + absoluteMs);
      const own = known();
      const before = own ?? (await this.#stored(id));
      if (before === "ended") return null;
      const texts = change(before?.texts ?? null);
      if (texts === null) return null;
      if (before === null) {
        return (await this.#create(id, name, texts, ends)) ? { texts, expiresAt: ends, saidUntil: ends } : null;
      }
      const changes = changesBetween(before.texts, texts);
      const isDue = own === null ? ends !== before.expiresAt : this.#isDue(before.expiresAt, ends);
      const [patched, touched] = await Promise.all([this.#patch(id, changes), isDue && this.#touch(id, ends)]);
      if (!patched || touched === null) return null;
      const stored = isDue ? ends : before.expiresAt;
      if (stored !== ends) this.#noted.set(id, { stored, said: ends });
      return { texts, expiresAt: stored, saidUntil: ends };
    });
  }

  /** Ends it, behind the writes that were begun before. */
  end(name: string, reason: string): Promise<unknown> {
    return this.#queue.run(name, async () => this.#core.revoke(await this.#idOf(name), reason, null));
  }

  /** All that live, by pages of the index. A session whose name was sealed under a secret that is gone has its id for a name. */
  async *all(): AsyncGenerator<NamedSnapshot & { readonly id: string; readonly name: string }> {
    const seen = new Set<string>();
    for (let cursor: string | null = null, done = false; !done; ) {
      const page = await this.#core.store.page({ cursor, limit: PAGE });
      for (const item of page.items) {
        const record = seen.has(item.id) ? null : this.#core.parse(item.id, item.record);
        const metadata = record === null ? null : this.#core.metadataOf(item.id, record);
        if (metadata?.policy !== this.#policy.name || metadata.sealedName === undefined) continue;
        seen.add(item.id);
        const snapshot = this.#snapshot(item.id, record);
        if (snapshot !== null) yield { ...snapshot, id: item.id, name: this.#openName(item.id, metadata.sealedName) };
      }
      ({ cursor, done } = page);
    }
  }

  /** Ends all that live. */
  async endAll(reason: string): Promise<void> {
    let ending: Promise<unknown>[] = [];
    for await (const { id } of this.all()) {
      ending.push(this.#core.revoke(id, reason, null));
      if (ending.length < PAGE) continue;
      await Promise.all(ending);
      ending = [];
    }
    await Promise.all(ending);
  }

  /** This process's wall time. */
  now(): number {
    const { clock } = this.#core;
    return clock.now() - clock.shift();
  }

  async #idOf(name: unknown): Promise<string> {
    if (typeof name !== "string") throw new TypeError(`A session id must be a string, not ${typeof name}.`);
    return (await this.#core.placement()).namedId(name);
  }

  /** Milliseconds that the store is ahead of this process. */
  #ahead(): number {
    const { clock, store } = this.#core;
    const skew = store.now() - clock.now();
    return (Math.abs(skew) < SAME_CLOCK_MS ? 0 : skew) + clock.shift();
  }

  async #stored(id: string): Promise<NamedSnapshot | "ended" | null> {
    const outcome = await this.#core.store.read(id);
    if (outcome === null) return null;
    const record = isRecord(outcome) ? this.#core.parse(id, outcome) : null;
    const isLive = record !== null && this.#core.store.now() < record.expiresAt;
    return (isLive ? this.#snapshot(id, record) : null) ?? "ended";
  }

  #snapshot(id: string, record: SessionRecord | null): NamedSnapshot | null {
    if (record === null) return null;
    const texts = this.#texts(id, record);
    if (texts === null) return null;
    const expiresAt = record.expiresAt - this.#ahead();
    const noted = this.#noted.get(id);
    const isNoted = noted !== undefined && Math.abs(noted.stored - expiresAt) < SAME_CLOCK_MS;
    return { texts, expiresAt, saidUntil: isNoted ? noted.said : expiresAt };
  }

  /** Null when they cannot be decoded, and then the session is ended. @throws EncryptionKeyMissingError */
  #texts(id: string, record: SessionRecord): Texts | null {
    const texts = new Map<string, string>();
    try {
      for (const [name, text] of this.#core.viewOf(id, record).texts) {
        if (typeof text !== "string") throw text;
        texts.set(name, text);
      }
      return texts;
    } catch (error) {
      if (error instanceof SessionEndedError) return null;
      throw error;
    }
  }

  async #create(id: string, name: string, texts: Texts, ends: number): Promise<boolean> {
    const core = this.#core;
    const fields = core.fields.fields(id, checked(changesBetween(new Map(), texts)));
    checkFirstFields(fields, core.maxBytes);
    const now = core.store.now();
    const first = {
      userKey: null,
      policy: this.#policy,
      tokenHash: randomBytes(TOKEN_HASH_LENGTH),
      now,
      serverId: core.serverId,
      fields,
      client: { sealedName: this.#sealName(id, name) },
      idleMs: Math.max(0, Math.round(ends + this.#ahead() - now)),
    };
    const outcome = await core.store.create({ id, userKey: null, record: firstRecord({}, first) });
    return outcome.status === "created";
  }

  /** False when the session has ended. @throws what `session.set` throws */
  async #patch(id: string, changes: readonly FieldChange[]): Promise<boolean> {
    if (changes.length === 0) return true;
    const { fields, maxBytes, store } = this.#core;
    const outcome = await store.patch({ id, changes: fields.stored(id, checked(changes)), maxBytes });
    if (outcome.status === "patched") return true;
    if (outcome.status === "gone") return false;
    throw refusalOf(id, outcome, maxBytes);
  }

  /** Null when the session has ended. */
  async #touch(id: string, ends: number): Promise<true | null> {
    const expiresAt = Math.round(ends + this.#ahead());
    const outcome = await this.#core.store.touch({ id, minIntervalMs: 0, confirm: false, expiresAt });
    return outcome.status === "touched" ? true : null;
  }

  /** Activity inside one interval is not stored; another lifetime is. */
  #isDue(before: number, ends: number): boolean {
    const interval = Math.min(this.#policy.touchIntervalMs, defaultTouchInterval(ends - this.now()));
    return ends - before >= interval || before - ends >= SAME_CLOCK_MS;
  }

  #sealName(id: string, name: string): string {
    const { names } = this.#core;
    const key = names.keyFor(SEALED_NAME);
    return key === null ? "" : names.seal(key, id, SEALED_NAME, name).toString("base64url");
  }

  #openName(id: string, sealed: string): string {
    try {
      return this.#core.names.open(id, SEALED_NAME, Buffer.from(sealed, "base64url"));
    } catch (error) {
      if (error instanceof EncryptionKeyMissingError) return id;
      throw error;
    }
  }
}

function checked(changes: readonly FieldChange[]): readonly FieldChange[] {
  for (const { name } of changes) checkName(name);
  return changes;
}
