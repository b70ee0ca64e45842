/** Composition root: a store from a URL. Clients are imported only when their URL asks for them. */

import type { Clock } from "./clock.ts";
import { ConfigError } from "./errors.ts";
import type { NearCacheOptions } from "./store/near-cache.ts";
import type { Store } from "./store/store.ts";
import type { TlsOptions } from "./stores/redis/open-redis.ts";

export interface OpenStoreOptions {
  /** Default "sojourn". */
  readonly namespace?: string;
  /** Of the stores that have one: `redisStore` and `sqliteStore` say what it does. Default false. */
  readonly nearCache?: boolean | NearCacheOptions;
  /** Of Redis over TLS: `{ ca }` of a private authority, `{ cert, key }` where the server asks for them. */
  readonly tls?: TlsOptions;
  /** Of Redis: whether endings are acknowledged only when a replica has them; see `redisStore`. Default false. */
  readonly durable?: boolean;
  readonly clock?: Clock;
}

/**
 * Opens a store and waits until it answers.
 *
 * | URL | store |
 * |---|---|
 * | `memory:` | this process's memory |
 * | `sqlite:./sessions.db` | an SQLite file |
 * | `redis://user:password@host:6379/0` | Redis or Valkey; needs the package `redis`, as the two below |
 * | `redis+sentinel://user:password@h1:26379,h2:26379/mymaster/0` | the primary that these Sentinels know by that name |
 * | `redis+cluster://user:password@h1:6379,h2:6379` | a Redis Cluster, found from any of its nodes |
 *
 * With TLS: `rediss://`, `rediss+sentinel://`, `rediss+cluster://`; a private authority's certificate in `tls.ca`.
 *
 * The connection is made with the options that the guide recommends: one on which nothing is heard for two seconds is given up for
 * another. `close()` of the store closes it.
 * @throws ConfigError for a URL it does not know, StoreUnavailableError when the store does not answer.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const store = await storeOf(url, options);
  try {
    await store.ready();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function storeOf(url: string, options: OpenStoreOptions): Promise<Store> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "memory": {
      const { memoryStore } = await import("./stores/memory/memory-store.ts");
      return memoryStore(options);
    }
    case "sqlite": {
      const { sqliteStore } = await import("./stores/sqlite/index.ts");
      return sqliteStore(url.slice("sqlite:".length).replace(/^\/\//, ""), options);
    }
    case "redis":
    case "rediss":
    case "redis+sentinel":
    case "rediss+sentinel":
    case "redis+cluster":
    case "rediss+cluster": {
      const { openRedis } = await import("./stores/redis/open-redis.ts");
      return openRedis(url, options);
    }
    default:
      throw new ConfigError(
        `${shown(scheme, url)} is no store URL: use redis://host:6379, redis+sentinel://host:26379/mymaster, redis+cluster://host:6379 (rediss for TLS), sqlite:./sessions.db or memory:.`,
      );
  }
}

/** The scheme at most: any other part may be a password, and so may be what only looks like a scheme. */
function shown(scheme: string | undefined, url: string): string {
  return scheme !== undefined && url.slice(scheme.length).startsWith("://") ? `"${scheme}://…"` : "This";
}
