/** Pages of live sessions, bucket after bucket along the indexes of expiries. */

import { bucketOf, BUCKETS, isSessionId } from "../../data/session-id.ts";
import { type Page, type PageInput, type PageItem, unknownCursor } from "../../store/paging.ts";
import { isLive } from "../../store/transitions.ts";
import { type Place, placesBehind } from "./bucket-walk.ts";
import type { Keys } from "./keys.ts";
import type { RedisConnection } from "./redis-connection.ts";

/** Most buckets read at once, where they are nearly empty. */
const MAX_WIDTH = 128;

export async function sessionPage(
  { cursor, limit }: PageInput,
  keys: Keys,
  redis: RedisConnection,
  read: (key: string) => Promise<Buffer | null>,
): Promise<Page> {
  const now = redis.clockOf().now();
  const start = cursor === null ? { bucket: 0, score: now, id: "" } : placeOf(cursor);
  const found: Place[] = [];
  let { bucket } = start;
  for (let width = 1; bucket < BUCKETS && found.length <= limit; width = Math.min(2 * width, MAX_WIDTH)) {
    const behind = Array.from({ length: Math.min(width, BUCKETS - bucket) }, (_, i) =>
      i === 0 && bucket === start.bucket ? start : { bucket: bucket + i, score: now, id: "" },
    );
    const lists = await Promise.all(
      behind.map((place) => placesBehind(place, { after: now, limit }, keys.expiries(place.bucket), redis)),
    );
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

function cursorOf({ score, id }: Place): string {
  return `${score}.${id}`;
}

function placeOf(cursor: string): Place & { readonly bucket: number } {
  const [, score = "", id = ""] = /^(\d{1,16})\.(.{24})$/.exec(cursor) ?? [];
  if (!isSessionId(id)) throw unknownCursor();
  return { bucket: bucketOf(id), score: Number(score), id };
}
