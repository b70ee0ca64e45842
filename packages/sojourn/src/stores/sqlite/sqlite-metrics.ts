/** Shared numbers, as rows. */

import {
  byMinute,
  KEPT_SAMPLES,
  type MetricStore,
  type MinuteCounts,
  minuteOf,
  oldestMinute,
  SAMPLES_KEPT_MS,
} from "../../store/metric-store.ts";
import type { WriteCall } from "../../store/store.ts";
import type { Statements } from "./statements.ts";

/** How the store runs what is written and what is read. */
export interface SqliteAccess {
  write<T>(call: WriteCall | undefined, write: (sql: Statements, now: number) => T): Promise<T>;
  query<T>(query: (sql: Statements, now: number) => T): Promise<T>;
}

export class SqliteMetrics implements MetricStore {
  readonly #access: SqliteAccess;

  constructor(access: SqliteAccess) {
    this.#access = access;
  }

  recordSample(name: string, value: number, call?: WriteCall): Promise<void> {
    return this.#access.write(call, (sql, now) => {
      sql.removeOldSamples.run(now);
      sql.insertSample.run(name, value);
      sql.keepSamples.run(name, now + SAMPLES_KEPT_MS);
      sql.trimSamples.run(name, KEPT_SAMPLES);
    });
  }

  samples(name: string): Promise<number[]> {
    return this.#access.query((sql, now) => sql.samples.all(name, now).map((row) => Number(row["value"])));
  }

  addToSeries(at: number, counts: ReadonlyMap<string, number>, call?: WriteCall): Promise<void> {
    return this.#access.write(call, (sql, now) => {
      sql.removeMinutes.run(oldestMinute(now));
      for (const [name, count] of counts) sql.addToMinute.run(minuteOf(at), name, count);
    });
  }

  series(): Promise<MinuteCounts[]> {
    return this.#access.query((sql, now) => {
      const rows = sql.minutes.all(oldestMinute(now));
      return byMinute(rows.map((row) => [Number(row["at"]), String(row["name"]), Number(row["count"])] as const));
    });
  }
}
