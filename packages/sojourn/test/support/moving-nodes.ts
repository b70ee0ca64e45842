/** What takes part in a move as processes of their own, and what they tell each other. */

import { createClient } from "redis";
import type { Store } from "../../src/index.ts";
import type { MoveProgress, MoveResult } from "../../src/stores/moving/index.ts";
import { openStore } from "../../src/open.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { sqliteStore } from "../../src/stores/sqlite/index.ts";

export const MOVED_USERS_LIMIT = 50;

/** To a node of the application. */
export type Order = { readonly create: number } | "work" | "mark" | "verify";

/** What a node met, and what there must be at the target. */
export interface NodeReport {
  readonly live: number;
  readonly ended: number;
  readonly validated: number;
  readonly writes: number;
  readonly logins: number;
  readonly logouts: number;
  /** Tokens of live sessions that were refused. */
  readonly forcedLogins: number;
  /** Increments that were acknowledged and are not there, or are there twice. */
  readonly lostWrites: number;
  /** Tokens of ended sessions that were accepted. */
  readonly revived: number;
  /** Calls to values of another library, with those that are not as they must be, and those that are left. */
  readonly valueCalls: number;
  readonly lostValues: number;
  readonly revivedValues: number;
  readonly liveValues: number;
  readonly failures: readonly string[];
  /** How long calls took, in ms: those to sessions until it was told to "mark", and from then on; those to values from then on. */
  readonly before: readonly number[];
  readonly during: readonly number[];
  readonly values: readonly number[];
}

export type FromMover =
  | { readonly progress: MoveProgress }
  | { readonly result: MoveResult }
  | { readonly error: string };

/** A busy machine must not fail what is about something else. */
const PATIENT = { readMs: 5_000, writeMs: 5_000 } as const;

export async function openPatiently(url: string): Promise<Store> {
  if (url.startsWith("sqlite:")) {
    return sqliteStore(url.slice("sqlite:".length), { writeDeadlineMs: PATIENT.writeMs });
  }
  if (!url.startsWith("redis:")) return openStore(url);
  const client = createClient({ url }).on("error", () => undefined);
  await client.connect();
  const store = redisStore(client, { deadline: PATIENT });
  const close = async (): Promise<void> => {
    await closeStore();
    client.destroy();
  };
  const closeStore = store.close.bind(store);
  return Object.assign(store, { close });
}

export async function openBoth(from: string, to: string): Promise<{ from: Store; to: Store }> {
  const [source, target] = await Promise.all([openPatiently(from), openPatiently(to)]);
  return { from: source, to: target };
}
