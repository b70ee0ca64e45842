/**
 * Endings that are acknowledged only when replicas have them. `WAIT` speaks of the writes of its own connection; on another
 * one it answers at once, falsely. So script and `WAIT` go over one connection, of which each primary has one, which is
 * never connected anew.
 *
 * While a `WAIT` is under way the server reads nothing more from its connection. So it waits a short while, then what has
 * come is executed, and it is asked again, once for all writes that are there: a replica that hangs holds no ending up.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../clock.ts";
import { ConfigError, StoreUnavailableError } from "../../errors.ts";
import { DEFAULTS } from "../../options.ts";
import type { WriteCall } from "../../store/store.ts";
import type { Argument, Driver, PinnedConnection, Reply } from "./driver.ts";
import { classified, isPassing } from "./failures.ts";
import type { Preparation } from "./preparation.ts";
import type { RedisConnection } from "./redis-connection.ts";
import type { RedisStoreOptions } from "./redis-store-options.ts";

/** Redis looks at the clock ten times a second, so a `WAIT` that falls short may take a tenth of one. */
const SLICE_MS = 20;
/** So much before its deadline a call says what it knows. */
const MARGIN_MS = 10;
/** As many replicas as a primary may reasonably have. */
const MAX_REPLICAS = 100;

export interface DurableParts {
  readonly driver: Driver;
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly clock: Clock;
}

export class DurableWrites {
  readonly #parts: DurableParts;
  readonly #replicas: number;
  readonly #byDefault: boolean;
  /** To each primary, by its name. */
  readonly #lines = new Map<string, Promise<Line>>();

  /** @throws ConfigError */
  constructor(parts: DurableParts, { durable = false, replicas = DEFAULTS.replicas }: RedisStoreOptions) {
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > MAX_REPLICAS) {
      throw new ConfigError(
        `Option replicas must be a whole number from 1 to ${MAX_REPLICAS}, not ${String(replicas)}.`,
      );
    }
    this.#parts = parts;
    this.#replicas = replicas;
    this.#byDefault = durable;
    // A line to what was the primary may go on for a while as if nothing had happened.
    parts.redis.onReconnect(() => this.close());
  }

  /** Null for an ending that is not to be made sure of. */
  of(slotKey: string, call: WriteCall | undefined): DurableWrite | null {
    if (!(call?.durable ?? this.#byDefault)) return null;
    const { redis, clock, driver } = this.#parts;
    const moved = async (line: Line): Promise<void> => {
      line.close();
      // The client follows the answer to where the key is now.
      await driver.exec(slotKey, ["EXISTS", slotKey]);
    };
    return new DurableWrite({
      slotKey,
      redis,
      clock,
      moved,
      replicas: this.#replicas,
      line: () => this.#line(slotKey),
    });
  }

  close(): void {
    for (const line of this.#lines.values()) line.then((each) => each.close()).catch(() => undefined);
    this.#lines.clear();
  }

  async #line(slotKey: string): Promise<Line> {
    const { driver } = this.#parts;
    const name = driver.primaryOf(slotKey);
    const known = this.#lines.get(name);
    const line = await known?.catch(() => undefined);
    if (line?.isOpen) return line;
    // Unless another call has opened one meanwhile.
    if (this.#lines.get(name) === known) {
      this.#lines.set(
        name,
        driver.pinned(slotKey).then((connection) => this.#checked(new Line(connection))),
      );
    }
    return this.#lines.get(name) ?? this.#line(slotKey);
  }

  /** A cluster has no databases. */
  async #checked(line: Line): Promise<Line> {
    const { driver, preparation } = this.#parts;
    if (driver.isCluster) return line;
    try {
      await preparation.requireSame((args) => line.send(args));
      return line;
    } catch (error) {
      line.close();
      throw error;
    }
  }
}

interface WriteParts extends Omit<DurableParts, "driver" | "preparation"> {
  readonly slotKey: string;
  readonly replicas: number;
  line(): Promise<Line>;
  moved(line: Line): Promise<void>;
}

/** One script, and the replicas that must have what it wrote. */
export class DurableWrite {
  readonly #parts: WriteParts;
  #line: Line | null = null;

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  readonly send = async (args: readonly Argument[]): Promise<Reply> => {
    const line = await this.#parts.line().catch((error: unknown) => {
      throw classified(error, "not_executed");
    });
    this.#line = line;
    try {
      return await line.send(args);
    } catch (error) {
      if (isPassing(error)) await this.#parts.moved(line).catch(() => undefined);
      throw error;
    }
  };

  /** @throws StoreUnavailableError of unknown outcome: what was executed stands until a failover loses it */
  async confirmed(leftMs: number): Promise<void> {
    const { clock, redis, slotKey, replicas } = this.#parts;
    const line = this.#line;
    if (line === null) return;
    const deadlineMs = Math.max(2 * MARGIN_MS, Math.ceil(leftMs));
    const until = clock.monotonic() + deadlineMs - MARGIN_MS;
    await redis.afterWrite(slotKey, deadlineMs, async () => {
      let copies = await line.copies(replicas);
      if (copies >= replicas) return;
      if ((await line.connectedReplicas()) < replicas) throw notReplicated(copies, replicas);
      const late = sleep(until - clock.monotonic(), null, { ref: false });
      while (copies < replicas) {
        const next = await Promise.race([line.copies(replicas), late]);
        if (next === null) throw notReplicated(copies, replicas);
        copies = next;
      }
    });
  }
}

/** A connection to one primary. */
class Line {
  readonly #connection: PinnedConnection;
  #wait: Promise<unknown> = Promise.resolve();
  #nextWait: Promise<number> | null = null;

  constructor(connection: PinnedConnection) {
    this.#connection = connection;
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  send(args: readonly Argument[]): Promise<Reply> {
    return this.#connection.send(args);
  }

  /** Replicas that have all that was executed over this line. A `WAIT` that is under way does not speak of what came after it. */
  copies(wanted: number): Promise<number> {
    this.#nextWait ??= this.#wait.then(() => {
      this.#nextWait = null;
      const answered = this.send(["WAIT", String(wanted), String(SLICE_MS)]).then(Number);
      this.#wait = answered.catch(() => undefined);
      return answered;
    });
    return this.#nextWait;
  }

  async connectedReplicas(): Promise<number> {
    const said = /^connected_slaves:(\d+)/m.exec(String(await this.send(["INFO", "replication"])));
    return Number(said?.[1] ?? Number.POSITIVE_INFINITY);
  }

  close(): void {
    this.#connection.close();
  }
}

function notReplicated(copies: number, wanted: number): StoreUnavailableError {
  const what = `Redis did it, but only ${copies} of ${wanted} replicas confirmed to have it: a failover may undo it.`;
  return new StoreUnavailableError(what, { reason: "not_replicated", outcome: "unknown" });
}
