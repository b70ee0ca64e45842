/** Sessions that move to or from an SQLite file: each step in one transaction. */

import { randomBytes } from "node:crypto";
import { expiresAtOf, OFFSET } from "../../data/record.ts";
import { bucketCharacters } from "../../data/session-id.ts";
import {
  type Admission,
  type Arrival,
  type Move,
  MOVED,
  movedTombstone,
  otherSalt,
  packedValue,
  type Transfer,
  unpackedValue,
  userKeyOf,
  valueIdIn,
  valueName,
} from "../../store/transfer.ts";
import { isLive } from "../../store/transitions.ts";
import { asBuffer, cutOffsOf, epochOf, recordOf, tombstoneIn } from "./rows.ts";
import type { Statements } from "./statements.ts";
import type { WriteCall } from "../../store/store.ts";
import type { Write } from "./mass-ending.ts";

/** Rows removed in one transaction. */
const AT_ONCE = 1_000;

export interface TransferParts {
  readonly write: Write;
  query<T>(query: (sql: Statements, now: number) => T): Promise<T>;
  count(): Promise<number>;
  /** The salt as it is now stands in the file. */
  saltChanged(salt: Buffer): void;
}

export class SqliteTransfer implements Transfer {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  takeAway(id: string, call?: WriteCall): Promise<Buffer | null> {
    return this.#parts.write(call, (sql, now) => {
      const aside = sql.recordAside.get(id);
      if (aside !== undefined) return asBuffer(aside["record"]);
      const record = recordOf(sql, id, now);
      if (record === null || !isLive(record, now)) return null;
      const { reason, actor, createdAt, endedAt } = movedTombstone(record.readUIntBE(OFFSET.createdAt, 6), now);
      sql.putAside.run(id, record);
      sql.removeAdmitted.run(id);
      sql.remove.run(id);
      sql.insertTombstone.run(id, reason, actor, createdAt, endedAt, endedAt + sql.endedMs);
      return record;
    });
  }

  takeValueAway(id: string, call?: WriteCall): Promise<Buffer | null> {
    return this.#parts.write(call, (sql, now) => {
      const name = valueName(id);
      const aside = sql.recordAside.get(name);
      if (aside !== undefined) return asBuffer(aside["record"]);
      const row = sql.value.get(id, now);
      if (row === undefined) return null;
      const packed = packedValue(asBuffer(row["value"]), Number(row["ends_at"]));
      sql.putAside.run(name, packed);
      sql.removeAdmitted.run(name);
      sql.removeValue.run(id);
      return packed;
    });
  }

  valueIds(bucket: number, limit: number): Promise<string[]> {
    return this.#parts.query((sql, now) =>
      sql.valueIds.all(...idsFrom(bucketCharacters(bucket)), now, limit).map((row) => String(row["id"])),
    );
  }

  taken(bucket?: number): Promise<string[]> {
    const prefix = bucket === undefined ? "" : bucketCharacters(bucket);
    return this.#parts.query((sql) => sql.aside.all(...idsFrom(prefix)).map((row) => String(row["id"])));
  }

  async settle(id: string): Promise<void> {
    await this.#parts.write(undefined, (sql) => sql.removeAside.run(id));
  }

  disabledUsers(): Promise<string[]> {
    return this.#parts.query((sql) => sql.disabledUsers.all().map((row) => String(row["user_key"])));
  }

  async adopt(salt: Buffer): Promise<void> {
    const own = await this.#parts.query((sql) => asBuffer(sql.fact.get("salt")?.["value"]));
    if (own.equals(salt)) return;
    if ((await this.#parts.count()) > 0) throw otherSalt();
    await this.#parts.write(undefined, (sql) => sql.setFact.run("salt", salt));
    this.#parts.saltChanged(salt);
  }

  begin(): Promise<Move> {
    return this.#parts.write(undefined, (sql, now) => {
      const move: Move = { id: randomBytes(12).toString("base64url"), begunAt: now };
      sql.insertFact.run("move", Buffer.from(JSON.stringify(move)));
      return moveIn(sql) ?? move;
    });
  }

  begun(): Promise<Move | null> {
    return this.#parts.query(moveIn);
  }

  async forgetMove(): Promise<void> {
    await this.#parts.write(undefined, (sql) => sql.removeFact.run("move"));
  }

  admit(arrival: Arrival, call?: WriteCall): Promise<Admission> {
    return this.#parts.write(call, (sql, now) => {
      const { id, record } = arrival;
      if (sql.insertAdmitted.run(id).changes === 0 || recordOf(sql, id, now) !== null) return "known";
      const userKey = userKeyOf(arrival);
      const isOfAnEarlierEpoch = userKey !== null && record.readUIntBE(OFFSET.userEpoch, 6) < epochOf(sql, userKey);
      const ending = cutOffsOf(sql).endingOf(record) ?? tombstoneIn(sql, id, now);
      const isOver = !isLive(record, now) || (ending !== null && ending.reason !== MOVED);
      if (isOver || isOfAnEarlierEpoch) return "refused";
      sql.insert.run(id, userKey, expiresAtOf(record), record);
      return "admitted";
    });
  }

  admitValue({ id: name, record }: Arrival, call?: WriteCall): Promise<Admission> {
    return this.#parts.write(call, (sql, now) => {
      const { value, endsAt } = unpackedValue(record);
      const id = valueIdIn(name) ?? name;
      if (sql.insertAdmitted.run(name).changes === 0 || sql.value.get(id, now) !== undefined) return "known";
      if (now >= endsAt) return "refused";
      sql.setValue.run(id, value, endsAt);
      return "admitted";
    });
  }

  async forgetAdmitted(): Promise<void> {
    for (let removed = AT_ONCE; removed === AT_ONCE; ) {
      removed = await this.#parts.write(undefined, (sql) => Number(sql.forgetAdmitted.run(AT_ONCE).changes));
    }
  }
}

/** First and last: "~" is behind every character of an id. */
function idsFrom(prefix: string): [string, string] {
  return [prefix, `${prefix}~`];
}

function moveIn(sql: Statements): Move | null {
  const row = sql.fact.get("move");
  return row === undefined ? null : (JSON.parse(asBuffer(row["value"]).toString("utf8")) as Move);
}
