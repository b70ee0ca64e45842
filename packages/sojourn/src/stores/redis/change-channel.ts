/**
 * What other processes changed, heard on a connection of its own, and whether it
 * can be believed that everything was heard.
 *
 * A connection that is broken without anybody knowing is silent, and so is one to
 * a server that is no longer the primary. So a beat is published once a second, over
 * the connection that the reads go over, to a channel of this process alone, in a
 * cluster by each primary. When it is heard, from each of them, all that was published
 * before it on the servers that answer the reads was heard too. Without a beat of the
 * last seconds nothing is believed; after some more the subscription is made anew. A
 * broken connection, a new one, and a reconnect of the client are gaps.
 *
 * There is no timer: `tick()` does what is due. Readers call it, and watchers, who
 * have a timer.
 */

import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { ConfigError } from "../../errors.ts";
import type { Driver, Subscription } from "./driver.ts";
import type { Keys } from "./keys.ts";
import type { RedisConnection } from "./redis-connection.ts";

/** Endings are few; whoever wants nothing else does not pay for hearing all that changes. */
export interface ChangeListener {
  ended(id: string): void;
  /** A session's record changed; `revision` is that of its data now. */
  changed?(id: string, revision: number): void;
  /** There is an event of the session, besides that of its end. */
  noted?(id: string): void;
  /** Anything may have happened unheard. `isHearing`: from now on there is a subscription; else nothing is heard. */
  gap(isHearing: boolean): void;
}

const BEAT_MS = 1_000;
/** A beat sent no longer ago than this must have been heard. */
const BELIEVED_MS = 2_500;
/** One that is not heard for so long never will be. */
const DEAD_MS = 5_000;
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

export class ChangeChannel {
  readonly #driver: Driver;
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #channels: { readonly changes: string; readonly endings: string };
  readonly #ownChannel: string;
  readonly #listeners = new Set<ChangeListener>();
  #subscription: Subscription | null = null;
  #hearsClient = false;
  /** Somebody wants more than endings. */
  #isWide = false;
  #isOpening = false;
  #isClosed = false;
  #hasWarned = false;
  #retryMs = MIN_RETRY_MS;
  #tickAt = Number.NEGATIVE_INFINITY;
  /** How many there were: a beat that was sent before the last one says nothing of the time after it. */
  #gaps = 0;
  /** When the latest beat since the last gap that was heard was sent. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** Beats since the last gap of which something is missing still: by when they were sent, how many primaries' were heard. */
  readonly #beats = new Map<number, { heard: number; of: number }>();
  /** When the first beat was sent of which nothing was heard since. */
  #unheardSince: number | null = null;

  constructor(driver: Driver, redis: RedisConnection, clock: Clock, keys: Keys) {
    this.#driver = driver;
    this.#redis = redis;
    this.#clock = clock;
    this.#channels = { changes: keys.changes(), endings: keys.endings() };
    this.#ownChannel = `${keys.changes()}:${randomBytes(9).toString("base64url")}`;
  }

  /** Answers how to stop. */
  listen(listener: ChangeListener): () => void {
    if (!this.#hearsClient) this.#redis.onReconnect(() => this.#gap());
    this.#hearsClient = true;
    this.#listeners.add(listener);
    if (listener.changed !== undefined || listener.noted !== undefined) this.#widen();
    return () => void this.#listeners.delete(listener);
  }

  /** Whether what happened up to a moment ago was heard. */
  isBelieved(now: number): boolean {
    if (now >= this.#tickAt) this.#tick(now);
    return now - this.#heardAt <= BELIEVED_MS;
  }

  tick(now: number): void {
    if (now >= this.#tickAt) this.#tick(now);
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#unsubscribe();
  }

  #tick(now: number): void {
    if (this.#isClosed || this.#isOpening) return;
    if (this.#unheardSince !== null && now - this.#unheardSince > DEAD_MS) this.#unsubscribe();
    this.#tickAt = now + BEAT_MS;
    if (this.#subscription === null) this.#subscribe();
    else this.#beat(now);
  }

  /** The subscription there is hears endings alone: the next tick makes another one. */
  #widen(): void {
    if (this.#isWide) return;
    this.#isWide = true;
    if (this.#subscription === null) return;
    this.#unsubscribe();
    this.#tickAt = Number.NEGATIVE_INFINITY;
  }

  #subscribe(): void {
    this.#isOpening = true;
    const isWide = this.#isWide;
    const { changes, endings } = this.#channels;
    const channels = [...(isWide ? [changes] : []), endings, this.#ownChannel];
    const onMessage = (channel: string, message: string): void => this.#heard(channel, message);
    const onLost = (): void => {
      this.#unsubscribe();
      this.#tickAt = this.#clock.monotonic() + MIN_RETRY_MS;
    };
    this.#driver.subscribe(channels, { onMessage, onLost }).then(
      (subscription) => {
        this.#isOpening = false;
        if (this.#isClosed || isWide !== this.#isWide) subscription.close();
        if (this.#isClosed) return;
        if (isWide !== this.#isWide) return this.#subscribe();
        this.#subscription = subscription;
        this.#retryMs = MIN_RETRY_MS;
        this.#gap();
        this.#beat(this.#clock.monotonic());
      },
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    this.#isOpening = false;
    this.#tickAt = this.#clock.monotonic() + this.#retryMs;
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
    const message = error instanceof Error ? error.message : String(error);
    // What no retry mends is said, once.
    if (this.#hasWarned || !(error instanceof ConfigError || message.startsWith("NOPERM"))) return;
    this.#hasWarned = true;
    process.emitWarning(`Sojourn cannot listen to ${this.#channels.changes}: ${message}`, "SojournWarning");
  }

  #unsubscribe(): void {
    this.#subscription?.close();
    this.#subscription = null;
    this.#unheardSince = null;
    this.#gap();
  }

  #gap(): void {
    this.#gaps++;
    this.#beats.clear();
    this.#heardAt = Number.NEGATIVE_INFINITY;
    for (const listener of this.#listeners) listener.gap(this.#subscription !== null);
  }

  #beat(now: number): void {
    this.#unheardSince ??= now;
    const beat = { heard: 0, of: Number.POSITIVE_INFINITY };
    this.#beats.set(now, beat);
    this.#redis.primaries(["PUBLISH", this.#ownChannel, `${this.#gaps} ${now}`]).then(
      ({ length }) => {
        beat.of = length;
        this.#judge(now);
      },
      // A beat that cannot be sent is one that is not heard.
      () => undefined,
    );
  }

  #judge(sentAt: number): void {
    const beat = this.#beats.get(sentAt);
    if (beat === undefined || beat.heard < beat.of) return;
    for (const earlier of this.#beats.keys()) if (earlier <= sentAt) this.#beats.delete(earlier);
    this.#heardAt = Math.max(this.#heardAt, sentAt);
    this.#unheardSince = null;
  }

  #beatHeard(message: string): void {
    const [gaps, sentAt = Number.NaN] = message.split(" ").map(Number);
    const beat = gaps === this.#gaps ? this.#beats.get(sentAt) : undefined;
    if (beat === undefined) return;
    beat.heard++;
    this.#judge(sentAt);
  }

  #heard(channel: string, message: string): void {
    if (channel === this.#ownChannel) {
      this.#beatHeard(message);
      return;
    }
    const [kind, ...words] = message.split(" ");
    const [id] = words;
    if (id === undefined) return;
    for (const listener of this.#listeners) {
      if (kind === "e") listener.ended(id);
      else if (kind === "c") tellChanges(listener, words);
      else if (kind === "n") listener.noted?.(id);
    }
  }
}

/** What one script changed is told at once: id, revision, id, revision. */
function tellChanges(listener: ChangeListener, words: readonly string[]): void {
  for (let at = 0; at < words.length; at += 2) listener.changed?.(words[at] ?? "", Number(words[at + 1]));
}
