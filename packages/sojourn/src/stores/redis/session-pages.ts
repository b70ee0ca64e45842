/**
 * Pages of live sessions, bucket after bucket along the indexes of expiries: no `SCAN`, and no reply grows with
 * the number of sessions. A touch only moves a session to a later place, so none that stays is passed over.
 */

import { bucketOf, BUCKETS, isSessionId } from "../../data/session-id.ts";
import { type Page, type PageInput, type PageItem, unknownCursor } from "../../store/paging.ts";
import { isLive } from "../../store/transitions.ts";
import type { Keys } from "./keys.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";

/** Most buckets read at once, where they are nearly empty. */
const MAX_WIDTH = 128;

/** A place in the walk: behind the session of this id at this expiry, in the order of the bucket's index. */
interface Place {
  readonly bucket: number;
  readonly score: number;
  readonly id: string;
}

export async function sessionPage(
  { cursor, limit }: PageInput,
  keys: Keys,
  redis: RedisConnection,
  read: (key: string) => Promise<Buffer | null>,
): Promise<Page> {
  const now = redis.serverClock.now();
  const start = cursor === null ? { bucket: 0, score: now, id: "" } : placeOf(cursor);
  const found: Place[] = [];
  let { bucket } = start;
  for (let width = 1; bucket < BUCKETS && found.length <= limit; width = Math.min(2 * width, MAX_WIDTH)) {
    const behind = Array.from({ length: Math.min(width, BUCKETS - bucket) }, (_, i) =>
      i === 0 && bucket === start.bucket ? start : { bucket: bucket + i, score: now, id: "" },
    );
    const lists = await Promise.all(behind.map((place) => placesBehind(place, { now, limit }, keys, redis)));
    found.push(...lists.flat());
    bucket += behind.length;
  }
  const places = found.slice(0, limit);
  const records = await Promise.all(places.map(({ id }) => read(keys.session(id))));
  const items = places.flatMap((place, i): PageItem[] => {
    const record = records[i] ?? null;
    return record !== null && isLive(record, now) ? [{ id: place.id, record, cursor: cursorOf(place) }] : [];
  });
  const done = found.length <= limit;
  const last = places.at(-1);
  return { items, cursor: done || last === undefined ? null : cursorOf(last), scanned: places.length, done };
}

/** One more than a page holds, if there are more. Sessions that expire in the same millisecond are in the order of their ids. */
async function placesBehind(
  from: Place,
  { now, limit }: { readonly now: number; readonly limit: number },
  keys: Keys,
  redis: RedisConnection,
): Promise<Place[]> {
  const { bucket } = from;
  const key = keys.expiries(bucket);
  const least = from.score > now ? String(from.score) : `(${now}`;
  for (let asked = limit + 1; ; asked *= 2) {
    const reply = await redis.read(key, [
      "ZRANGEBYSCORE",
      key,
      least,
      "+inf",
      "WITHSCORES",
      "LIMIT",
      "0",
      String(asked),
    ]);
    if (!Array.isArray(reply)) throw unexpectedReply(reply);
    // RESP2 answers id, score, id, score; RESP3 pairs.
    const flat = (reply as readonly unknown[]).flat().map(String);
    const places = Array.from({ length: flat.length / 2 }, (_, i) => ({
      bucket,
      score: Number(flat[2 * i + 1]),
      id: flat[2 * i] ?? "",
    }));
    const fresh = places.filter(({ score, id }) => score > from.score || id > from.id);
    if (fresh.length > limit || places.length < asked) return fresh.slice(0, limit + 1);
  }
}

function cursorOf({ score, id }: Place): string {
  return `${score}.${id}`;
}

function placeOf(cursor: string): Place {
  const [, score = "", id = ""] = /^(\d{1,16})\.(.{24})$/.exec(cursor) ?? [];
  if (!isSessionId(id)) throw unknownCursor();
  return { bucket: bucketOf(id), score: Number(score), id };
}
