/**
 * Walks along a bucket's index of expiries: no `SCAN`, and no reply grows with the number of sessions. A touch only
 * moves a session to a later place, so none that stays is passed over.
 */

import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";

/** A place in an index: behind the session of this id at this expiry. */
export interface Place {
  readonly score: number;
  readonly id: string;
}

/** All ids of an index, page by page. */
export async function* pagesOf(redis: RedisConnection, indexKey: string, limit: number): AsyncGenerator<string[]> {
  for (let from: Place | undefined = { score: 0, id: "" }; from !== undefined; ) {
    const places: Place[] = await placesBehind(from, { after: 0, limit }, indexKey, redis);
    if (places.length > 0) yield places.slice(0, limit).map(({ id }) => id);
    from = places.length > limit ? places[limit - 1] : undefined;
  }
}

/** At most one more than the limit, all later than `after`. Sessions that expire in the same millisecond are in the order of their ids. */
export async function placesBehind(
  from: Place,
  { after, limit }: { readonly after: number; readonly limit: number },
  indexKey: string,
  redis: RedisConnection,
): Promise<Place[]> {
  const least = from.score > after ? String(from.score) : `(${after}`;
  for (let asked = limit + 1; ; asked *= 2) {
    const range = [least, "+inf", "WITHSCORES", "LIMIT", "0", String(asked)];
    const reply = await redis.read(indexKey, ["ZRANGEBYSCORE", indexKey, ...range]);
    if (!Array.isArray(reply)) throw unexpectedReply(reply);
    // RESP2 answers id, score, id, score; RESP3 pairs.
    const flat = (reply as readonly unknown[]).flat().map(String);
    const places = Array.from({ length: flat.length / 2 }, (_, i) => ({
      score: Number(flat[2 * i + 1]),
      id: flat[2 * i] ?? "",
    }));
    const fresh = places.filter(({ score, id }) => score > from.score || id > from.id);
    if (fresh.length > limit || places.length < asked) return fresh.slice(0, limit + 1);
  }
}
