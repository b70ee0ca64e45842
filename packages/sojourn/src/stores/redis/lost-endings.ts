/**
 * Endings that a server may lose with its last writes, when it fails over or restarts from an old snapshot. What this
 * process ended, or heard to have ended, it refuses for ten minutes, whatever the server says; and it tells the server
 * again once another one answers.
 *
 * Which server answers is asked once a second in the background, and after every reconnect. Where that cannot be asked,
 * every reconnect counts as another server. What could not be told is tried again until it could.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import type { DenySet } from "../../store/deny-set.ts";
import { decodeEvent } from "../../store/event-record.ts";
import type { RevokeInput, RevokeOutcome } from "../../store/store.ts";
import { EXPIRED } from "../../store/totals.ts";
import type { ChangeChannel } from "./change-channel.ts";
import type { CutOffLease } from "./cut-off-lease.ts";
import { adrift } from "./failures.ts";
import type { MassEnding } from "./mass-ending.ts";
import type { Preparation } from "./preparation.ts";
import type { RedisConnection, ScriptAnswer } from "./redis-connection.ts";
import type { ScriptName } from "./scripts.generated.ts";
import { serverIdentity } from "./server-identity.ts";

export interface LostEndingsParts {
  readonly denied: DenySet;
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly changes: ChangeChannel;
  readonly clock: Clock;
  /** Whether to listen to others, too, once anything runs in the background. */
  readonly hears: boolean;
  /** What the server has of a session. */
  readonly recordOf: (id: string) => Promise<Buffer | null>;
  readonly revoke: (input: RevokeInput) => Promise<RevokeOutcome>;
  readonly cutOffs: CutOffLease;
  readonly massEnding: MassEnding;
}

const POLL_MS = 1_000;
const RETRY_MS = 500;
/** Sessions looked at at once, and how long until the next ones: a server that has just begun has other things to do. */
const CHUNK = 128;
const PAUSE_MS = 10;
/** What others ended they tell themselves, and know why: they are given this long. */
const OTHERS_FIRST_MS = 250;
/** The letter of an event that is an ending. */
const ENDING = "e".charCodeAt(0);

export class LostEndings {
  readonly #parts: LostEndingsParts;
  #timer: NodeJS.Timeout | null = null;
  #stopHearing: (() => void) | null = null;
  #identity: string | null = null;
  #reconnects = 0;
  #isDue = false;
  #isLooking = false;
  #isClosed = false;

  constructor(parts: LostEndingsParts) {
    this.#parts = parts;
    parts.redis.onReconnect(() => {
      this.#reconnects++;
      if (parts.preparation.wasUsed) this.#look();
    });
  }

  /** A script has answered. Those of `revokeBefore` end too many to be remembered: its cut-off stands for them. */
  settled(name: ScriptName, { events }: ScriptAnswer): void {
    if (events.length === 0 || name === "endBefore") return;
    for (const packed of events) {
      if (!(packed instanceof Buffer) || packed[0] !== ENDING) continue;
      const event = decodeEvent("", packed);
      if (event?.type !== "ended" || event.reason === EXPIRED) continue;
      const { reason, actor, at, sessionCreatedAt } = event;
      const tombstone = { reason, actor, createdAt: sessionCreatedAt ?? 0, endedAt: at };
      this.#parts.denied.addOwn(event.sessionId, tombstone);
    }
  }

  /** A caller was told that it has ended, whoever ended it. */
  acknowledged({ id, reason, actor }: RevokeInput): void {
    const { denied, redis } = this.#parts;
    denied.addOwn(id, { reason, actor, createdAt: 0, endedAt: redis.clockOf().now() });
  }

  startBackground(): void {
    if (this.#isClosed || this.#timer !== null) return;
    const { changes, denied, redis, hears } = this.#parts;
    this.#timer = setInterval(() => this.#tick(), POLL_MS).unref();
    if (!hears) return;
    this.#stopHearing = changes.listen({
      ended: (id) => denied.addHeard(id, redis.clockOf().now()),
      gap: () => undefined,
    });
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer ?? undefined);
    this.#stopHearing?.();
  }

  #tick(): void {
    const { changes, clock, denied, hears, preparation } = this.#parts;
    // Nothing is sent before the first call.
    if (!preparation.wasUsed) return;
    if (hears) changes.tick(clock.monotonic());
    denied.forgetOld();
    this.#look();
  }

  #look(): void {
    this.#isDue = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookUntilTold();
  }

  async #lookUntilTold(): Promise<void> {
    const { denied } = this.#parts;
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false;
      try {
        await this.#compare();
        denied.isHeld = false;
      } catch {
        // Callers see for themselves that the store does not answer.
        denied.isHeld = true;
        this.#isDue = true;
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
    this.#isLooking = false;
  }

  async #compare(): Promise<void> {
    const { cutOffs, denied, massEnding, redis } = this.#parts;
    const server = await serverIdentity(redis);
    redis.isAdrift = server?.isAdrift ?? false;
    if (redis.isAdrift) throw adrift();
    const identity = server?.facts ?? `unknown, connected ${this.#reconnects} times`;
    if (identity === this.#identity) return;
    await massEnding.repeat(await cutOffs.lost());
    await this.#tellAll(denied.ownIds());
    await sleep(OTHERS_FIRST_MS, undefined, { ref: false });
    await this.#tellAll(denied.heardIds());
    this.#identity = identity;
  }

  /** @throws what the first one threw that could not be told; the others were tried all the same, while any could be */
  async #tellAll(ids: readonly string[]): Promise<void> {
    const failures: unknown[] = [];
    for (let at = 0; at < ids.length && !this.#isClosed; at += CHUNK) {
      const told = await Promise.allSettled(ids.slice(at, at + CHUNK).map((id) => this.#tell(id)));
      const failed = told.filter((each) => each.status === "rejected").map(({ reason }) => reason as unknown);
      failures.push(...failed);
      if (failed.length === told.length) break;
      await sleep(PAUSE_MS, undefined, { ref: false });
    }
    if (failures.length > 0) throw failures[0];
  }

  async #tell(id: string): Promise<void> {
    const { denied, recordOf, revoke } = this.#parts;
    const ending = denied.endingOf(id);
    if (ending === null || (await recordOf(id)) === null) return;
    await revoke({ id, reason: ending.reason, actor: ending.actor });
  }
}
