/** The live sessions of one user, or the latest of them, along the user's index. */

import type { ListOptions, StoredSession } from "../../store/store.ts";
import { isLive } from "../../store/transitions.ts";
import type { Keys } from "./keys.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";

/** Of a user with thousands: between so many and the next, the server answers other clients. */
const READ_AT_ONCE = 256;

export async function sessionsOfUser(
  { userKey, latest }: ListOptions & { readonly userKey: string },
  keys: Keys,
  redis: RedisConnection,
  read: (key: string) => Promise<Buffer | null>,
): Promise<StoredSession[]> {
  const key = keys.userSessions(userKey);
  const clock = redis.clockOf(key);
  const most = latest === undefined ? [] : ["LIMIT", "0", String(latest)];
  const reply = await redis.read(key, ["ZREVRANGEBYSCORE", key, "+inf", `(${clock.now()}`, ...most]);
  if (!Array.isArray(reply)) throw unexpectedReply(reply);
  const ids = reply.map(String);
  const records: (Buffer | null)[] = [];
  while (records.length < ids.length) {
    const some = ids.slice(records.length, records.length + READ_AT_ONCE);
    records.push(...(await Promise.all(some.map((id) => read(keys.session(id))))));
  }
  const now = clock.now();
  return ids.flatMap((id, i) => {
    const record = records[i] ?? null;
    // One that is too short to be a record is passed over: whoever reads it by its id ends it.
    return record !== null && isLive(record, now) ? [{ id, record }] : [];
  });
}
