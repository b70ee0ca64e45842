/**
 * What this process knows of the cut-offs, believed for a second. The read that finds them older fetches them beside
 * its record. The lease begins when the fetch is sent and is judged when a read begins: one that begins a lease after
 * a cut-off was stored therefore knows it, whatever answers are still on their way.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import { DEFAULTS } from "../../options.ts";
import { CutOffs, type LostCutOff } from "../../store/cut-offs.ts";
import type { Reply } from "./driver.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";

/** How long what was fetched is believed. */
export const CUT_OFF_LEASE_MS = 1_000;
/**
 * How far a process's idea of the server's time may be ahead when it begins a session: half the longest round trip of
 * a write, unless its deadline was raised. A lease later no session begins that early any more.
 */
export const CLOCK_ERROR_MS = 500;
/** Clocks of two machines run that much apart in a lease, at most. */
const MARGIN_MS = 50;
const POLL_MS = 25;
/** For a cut-off that is stored again, and drops no other one by it: longer than sessions live. */
export const KEEP_ALL_MS = 2 * 366 * 86_400_000;

interface Lease {
  /** When the fetch was sent, on both clocks: the monotonic one stands still while the machine is suspended. */
  readonly monotonic: number;
  readonly wall: number;
  readonly answer: Promise<CutOffs>;
  cutOffs: CutOffs | null;
}

export class CutOffLease {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #key: string;
  #lease: Lease | null = null;
  /** What the server has. */
  #stored = CutOffs.NONE;
  /** The same, and what it had a short while ago and lost. */
  #known = CutOffs.NONE;

  constructor(redis: RedisConnection, clock: Clock, key: string) {
    this.#redis = redis;
    this.#clock = clock;
    this.#key = key;
  }

  /** To be asked where a read begins. @throws StoreUnavailableError when they cannot be fetched: nothing older is believed. */
  current(monotonic = this.#clock.monotonic(), wall = this.#clock.now()): CutOffs | Promise<CutOffs> {
    const holds = (lease: Lease): boolean =>
      Math.max(monotonic - lease.monotonic, Math.abs(wall - lease.wall)) < CUT_OFF_LEASE_MS;
    const lease = this.#lease !== null && holds(this.#lease) ? this.#lease : this.#fetched();
    return lease.cutOffs ?? lease.answer;
  }

  /** As they were last heard of. */
  get known(): CutOffs {
    return this.#known;
  }

  /** Until every process has given up what it knew when this was called. */
  async expired(): Promise<void> {
    const until = this.#clock.monotonic() + CUT_OFF_LEASE_MS + MARGIN_MS;
    while (this.#clock.monotonic() < until) await sleep(POLL_MS);
  }

  #fetched(): Lease {
    const sent = { monotonic: this.#clock.monotonic(), wall: this.#clock.now() };
    const answer = this.#redis.read(this.#key, ["GET", this.#key]).then((reply) => this.#parse(reply));
    const lease: Lease = { ...sent, answer, cutOffs: null };
    this.#lease = lease;
    answer.then(
      (cutOffs) => {
        lease.cutOffs = cutOffs;
      },
      () => {
        if (this.#lease === lease) this.#lease = null;
      },
    );
    return lease;
  }

  /** What the server had a short while ago and has not now. */
  async lost(): Promise<readonly LostCutOff[]> {
    this.#lease = null;
    await this.current();
    return this.#stored.lost(this.#known, this.#since());
  }

  /** One that this process has just stored. */
  remember(cutOff: LostCutOff): void {
    this.#known = this.#known.with({ ...cutOff, keptMs: KEEP_ALL_MS }, this.#redis.clockOf(this.#key).now());
  }

  #since(): number {
    return this.#redis.clockOf(this.#key).now() - DEFAULTS.deniedMs;
  }

  #parse(reply: Reply): CutOffs {
    const before = this.#stored;
    try {
      this.#stored = CutOffs.parse(reply === null ? CutOffs.NONE.text : String(reply), before);
    } catch {
      throw unexpectedReply(reply);
    }
    if (this.#stored === before) return this.#known;
    const now = this.#redis.clockOf(this.#key).now();
    const lost = this.#stored.lost(this.#known, this.#since());
    this.#known = lost.reduce((known, each) => known.with({ ...each, keptMs: KEEP_ALL_MS }, now), this.#stored);
    return this.#known;
  }
}
