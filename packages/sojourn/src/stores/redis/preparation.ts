/**
 * What must be so before a call: scripts loaded, the namespace's facts known, and
 * a clock that can be believed. A reconnect undoes it: it may be another server,
 * or the same one without its memory.
 */

import { randomBytes } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { ConfigError, StoreUnavailableError } from "../../errors.ts";
import { SALT_BYTES } from "../../store/placement.ts";
import type { StoreFacts } from "../../store/store.ts";
import type { Reply } from "./driver.ts";
import type { Keys } from "./keys.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";
import type { ServerClock } from "./server-clock.ts";

/** How often calls compare clock and facts with the server's. */
const REFRESH_MS = 30_000;
/** A machine that is suspended again while its clock is sampled: so often the sample is taken anew. */
const SAMPLE_TRIES = 3;
/** How this version lays out its keys. */
export const LAYOUT = "1";

export class Preparation {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #namespace: string;
  readonly #factsKey: string;
  readonly #channel: string;
  #facts: Promise<StoreFacts> | null = null;
  #done = false;
  /** The client has connected anew, and not to the primary of the facts. */
  #mayDiffer = false;
  /** The salt last heard of: put back where the server lost it, given up where another one stands. */
  #salt: Buffer | null = null;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  readonly #sampling = new Map<ServerClock, Promise<void>>();

  constructor(redis: RedisConnection, clock: Clock, namespace: string, keys: Keys) {
    this.#redis = redis;
    this.#clock = clock;
    this.#namespace = namespace;
    this.#factsKey = keys.facts();
    this.#channel = keys.endings();
    redis.onReconnect(() => {
      this.#mayDiffer = true;
      this.#lookAgain();
    });
  }

  /** Whether anything was asked of the store yet. */
  get wasUsed(): boolean {
    return this.#salt !== null;
  }

  facts(): Promise<StoreFacts> {
    if (this.#facts !== null) return this.#facts;
    const facts = this.#prepare();
    this.#facts = facts;
    facts.then(
      () => {
        this.#done = this.#facts === facts;
      },
      () => {
        if (this.#facts === facts) this.#facts = null;
      },
    );
    return facts;
  }

  /**
   * For a call to the primary of the key. Undefined when there is nothing to wait for, as nearly always. What takes
   * longer than the call may goes on behind it.
   */
  usable(
    slotKey?: string,
    deadlineMs = this.#redis.deadlines.readMs,
    monotonic = this.#clock.monotonic(),
    wall = this.#clock.now(),
  ): Promise<void> | undefined {
    if (this.#mayDiffer) this.#lookAgain();
    const clock = this.#redis.clockOf(slotKey);
    if (!this.#done || !clock.isUsable(monotonic, wall) || (slotKey !== undefined && clock.isDoubted)) {
      return this.#redis.within(deadlineMs, "not_executed", () => this.#madeUsable(slotKey));
    }
    if (monotonic - this.#refreshedAt > REFRESH_MS) this.#refresh();
    return undefined;
  }

  /** A read that has to wait for that first: one deadline for both. */
  readAfter<T>(preparing: Promise<void>, read: () => Promise<T>): Promise<T> {
    const reading = preparing.then(read);
    // Should the deadline be the first to fail.
    reading.catch(() => undefined);
    return this.#redis.within(this.#redis.deadlines.readMs, "not_executed", () => reading);
  }

  async #madeUsable(slotKey?: string): Promise<void> {
    if (!this.#done) await this.facts();
    await this.sampleClock(slotKey);
    // It was connected by that, and may have lost its memory.
    if (!this.#done) await this.facts();
  }

  /** Until the clock of the key's primary can be believed: one that is new, or after a machine was suspended. */
  sampleClock(slotKey?: string): Promise<void> {
    const clock = this.#redis.clockOf(slotKey);
    if (clock.isUsable() && !clock.isDoubted) return Promise.resolve();
    const sampling = this.#sampling.get(clock) ?? this.#sampled(clock, slotKey);
    this.#sampling.set(clock, sampling);
    return sampling;
  }

  async #sampled(clock: ServerClock, slotKey?: string): Promise<void> {
    try {
      for (let tries = 0; tries < SAMPLE_TRIES && (clock.isDoubted || !clock.isUsable()); tries++)
        await this.#redis.sampleClock(slotKey);
    } finally {
      this.#sampling.delete(clock);
    }
  }

  /** Not awaited: what is known is good enough for the call that finds it old, and a failure shows in the calls themselves. */
  #refresh(): void {
    this.#refreshedAt = this.#clock.monotonic();
    const [salt, facts] = [this.#salt, this.#facts];
    if (salt === null) return;
    Promise.all([this.#redis.sampleClocks(), this.#sharedSalt(salt)]).then(
      ([, shared]) => {
        const same = shared.salt.equals(salt) && shared.layout === LAYOUT;
        if (!same && this.#facts === facts) this.#forget();
      },
      () => undefined,
    );
  }

  /** Over a connection other than the client's. @throws ConfigError when it leads to another database: writes over it would miss. */
  async requireSame(send: (args: readonly string[]) => Promise<Reply>): Promise<void> {
    const { salt } = await this.facts();
    const seen = await send(["HGET", this.#factsKey, "salt"]);
    if (seen instanceof Buffer && seen.equals(salt)) return;
    throw new ConfigError(
      "The Redis client is in another database (SELECT) than its options say, where its second connection goes: say it there.",
    );
  }

  /** Puts another salt in the place of the one that is known. */
  async adopt(salt: Buffer): Promise<void> {
    await this.#redis.prepare(this.#factsKey, ["HSET", this.#factsKey, "salt", salt]);
    this.#salt = salt;
    this.#forget();
  }

  /** Until their primary is connected the known facts hold. */
  #lookAgain(): void {
    if (!this.#redis.isAway(this.#factsKey)) this.#forget();
  }

  /** The next call prepares anew. */
  #forget(): void {
    this.#mayDiffer = false;
    this.#facts = null;
    this.#done = false;
  }

  /** All at once: the first call of a process, and of a connection, waits for one round trip more. */
  async #prepare(): Promise<StoreFacts> {
    const [, , , , { salt, layout }] = await Promise.all([
      this.#redis.sampleClock(),
      this.#redis.loadScripts(),
      this.#mayPublish(),
      this.#once("layout", LAYOUT),
      this.#sharedSalt(this.#salt ?? randomBytes(SALT_BYTES)),
    ]);
    if (layout !== LAYOUT) {
      throw new ConfigError(
        `Namespace ${this.#namespace} has key layout ${layout}; this version of Sojourn knows layout ${LAYOUT}.`,
      );
    }
    this.#salt = salt;
    this.#refreshedAt = this.#clock.monotonic();
    return { salt };
  }

  /** Scripts go on when they may not publish, and then caches of other processes hear of no revocation: better to know now. */
  async #mayPublish(): Promise<void> {
    try {
      // Any primary does; the one of the facts must answer anyway.
      await this.#redis.prepare(this.#factsKey, ["PUBLISH", this.#channel, ""]);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || !error.message.includes("NOPERM")) throw error;
      throw new ConfigError(
        `The Redis user may not publish to ${this.#channel}: allow +publish and the channels &${this.#namespace}:* in its ACL.`,
      );
    }
  }

  /**
   * The namespace's salt. Where the server has none, `own` becomes it: a server that lost its memory gets back
   * the one that this process has used, unless another process was first.
   */
  async #sharedSalt(own: Buffer): Promise<{ salt: Buffer; layout: string }> {
    const key = this.#factsKey;
    const [full, reply] = await Promise.all([
      this.#once("salt", own),
      this.#redis.read(key, ["HMGET", key, "salt", "layout"]),
    ]);
    const [salt, layout] = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
    if (!(salt instanceof Buffer) || salt.length !== SALT_BYTES) throw full ?? unexpectedReply(reply);
    return { salt, layout: String(layout) };
  }

  /**
   * Unless it is there. At full memory the server refuses that, too, and answers it here: a process that begins then
   * must be able to read and to revoke.
   */
  async #once(field: string, value: string | Buffer): Promise<StoreUnavailableError | null> {
    try {
      await this.#redis.prepare(this.#factsKey, ["HSETNX", this.#factsKey, field, value]);
      return null;
    } catch (error) {
      if (error instanceof StoreUnavailableError && error.reason === "full") return error;
      throw error;
    }
  }
}
