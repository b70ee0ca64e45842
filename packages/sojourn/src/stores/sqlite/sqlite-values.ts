/** Values of other libraries, as rows; one that is empty stands for a value that was taken away. */

import type { WriteCall } from "../../store/store.ts";
import { countIn, TAKEN_KNOWN_MS, type ValueInput, type ValueStore } from "../../store/value-store.ts";
import type { SqliteAccess } from "./sqlite-metrics.ts";
import type { Statements } from "./statements.ts";

/** Dead ones that a write removes. */
const SWEPT = 10;
const TAKEN = Buffer.alloc(0);

export class SqliteValues implements ValueStore {
  readonly #access: SqliteAccess;

  constructor(access: SqliteAccess) {
    this.#access = access;
  }

  get(id: string): Promise<Buffer | null> {
    return this.#access.query((sql, now) => held(sql, id, now)?.value ?? null);
  }

  set(id: string, { value, endsAt, revives }: ValueInput, call?: WriteCall): Promise<boolean> {
    return this.#write(call, (sql, now) => {
      if (!revives && held(sql, id, now)?.value === null) return false;
      sql.setValue.run(id, value, endsAt);
      return true;
    });
  }

  take(id: string, call?: WriteCall): Promise<Buffer | null> {
    return this.#write(call, (sql, now) => {
      const value = held(sql, id, now)?.value ?? null;
      if (value !== null) sql.setValue.run(id, TAKEN, now + TAKEN_KNOWN_MS);
      return value;
    });
  }

  increment(id: string, endsAt: number, call?: WriteCall): Promise<number | null> {
    return this.#write(call, (sql, now) => {
      const row = held(sql, id, now);
      const value = row?.value ?? null;
      const count = value === null ? 0 : countIn(value);
      if (count === null) return null;
      sql.setValue.run(id, Buffer.from(String(count + 1)), value === null ? endsAt : (row?.endsAt ?? endsAt));
      return count + 1;
    });
  }

  #write<T>(call: WriteCall | undefined, write: (sql: Statements, now: number) => T): Promise<T> {
    return this.#access.write(call, (sql, now) => {
      sql.removeOldValues.run(now, SWEPT);
      return write(sql, now);
    });
  }
}

/** Null when there is none; its value is null when it was taken away. */
function held(sql: Statements, id: string, now: number): { value: Buffer | null; endsAt: number } | null {
  const row = sql.value.get(id, now);
  if (row === undefined) return null;
  const value = Buffer.from(row["value"] as Uint8Array);
  return { value: value.length === 0 ? null : value, endsAt: Number(row["ends_at"]) };
}
