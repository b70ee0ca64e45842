/** What each primary says of itself, all that `checks.ts` judges by. Only reads, and only what the least privileged user may ask or be refused. */

import type { Clock } from "../../../clock.ts";
import { StoreUnavailableError } from "../../../errors.ts";
import type { Reply } from "../driver.ts";
import type { RedisConnection } from "../redis-connection.ts";

/** Each by itself: Redis 6.2 takes one name a call, and `*` would answer passwords. */
const SETTINGS = ["appendfsync", "save", "min-replicas-to-write", "client-output-buffer-limit", "timeout"] as const;
export type Setting = (typeof SETTINGS)[number];

/** One after the other, so that they wait for the network and not for each other. */
const ROUND_TRIPS = 11;

export interface ServerReport {
  /** Why it did not answer at all; null when it did. */
  readonly failure: string | null;
  /** Lines of INFO. Empty where the user may not ask. */
  readonly info: ReadonlyMap<string, string>;
  /** What CONFIG GET told. Empty where the user may not ask. */
  readonly settings: ReadonlyMap<Setting, string>;
  /** Lines of CLUSTER INFO. Empty where there is no cluster, or the user may not ask. */
  readonly cluster: ReadonlyMap<string, string>;
  /** Null where the user may not ask. */
  readonly user: string | null;
  /** Milliseconds, the shortest first. */
  readonly roundTrips: readonly number[];
  /** The server's clock minus this machine's, in milliseconds, by the shortest round trip; null when it told no time. */
  readonly clockOffsetMs: number | null;
}

type Answer = Reply | StoreUnavailableError;

/** @throws StoreUnavailableError, StoreClosedError when nothing can be asked */
export async function serverReports(redis: RedisConnection, clock: Clock): Promise<ServerReport[]> {
  const ask = (args: readonly string[]): Promise<Answer[]> =>
    Promise.all(redis.eachPrimary(args).map((reply) => reply.catch(failureOf)));
  const [infos, users, clusters, ...settings] = await Promise.all([
    ask(["INFO"]),
    ask(["ACL", "WHOAMI"]),
    ask(["CLUSTER", "INFO"]),
    ...SETTINGS.map((name) => ask(["CONFIG", "GET", name])),
  ]);
  const trips: RoundTrip[][] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) trips.push(await roundTrips(redis, clock));
  return infos.map((info, i) => {
    const own = trips.map((each) => each[i]).filter((each) => each !== undefined);
    const byLength = own.toSorted((a, b) => a.ms - b.ms);
    return {
      failure: silence(info),
      info: linesOf(info),
      settings: settingsOf(settings.map((answers) => answers[i] ?? null)),
      cluster: linesOf(clusters[i] ?? null),
      user: textOf(users[i] ?? null),
      roundTrips: byLength.map(({ ms }) => ms),
      clockOffsetMs: byLength.find(({ offsetMs }) => offsetMs !== null)?.offsetMs ?? null,
    };
  });
}

interface RoundTrip {
  readonly ms: number;
  readonly offsetMs: number | null;
}

async function roundTrips(redis: RedisConnection, clock: Clock): Promise<RoundTrip[]> {
  const [wall, sent] = [clock.now(), clock.monotonic()];
  return Promise.all(
    redis.eachPrimary(["TIME"]).map(async (asked) => {
      const reply = await asked.catch(failureOf);
      const ms = clock.monotonic() - sent;
      const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
      if (seconds === undefined || micros === undefined) return { ms, offsetMs: null };
      return { ms, offsetMs: seconds * 1000 + micros / 1000 + clock.shift() - (wall + ms / 2) };
    }),
  );
}

function failureOf(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  throw error;
}

/** What a server refuses to say, it answers. */
function silence(answer: Answer): string | null {
  if (!(answer instanceof StoreUnavailableError)) return null;
  return answer.reason === "denied" || answer.reason === "server" ? null : answer.message;
}

function textOf(answer: Answer): string | null {
  return typeof answer === "string" || answer instanceof Buffer ? String(answer) : null;
}

function linesOf(answer: Answer): ReadonlyMap<string, string> {
  const lines = textOf(answer)?.matchAll(/^([^#:\r\n]+):([^\r\n]*)/gm) ?? [];
  return new Map([...lines].map(([, name = "", value = ""]) => [name, value]));
}

function settingsOf(answers: readonly Answer[]): ReadonlyMap<Setting, string> {
  return new Map(
    SETTINGS.flatMap((name, i) => {
      const value = settingIn(answers[i] ?? null);
      return value === null ? [] : [[name, value] as const];
    }),
  );
}

/** Name and value: a list in RESP2, a map in RESP3, which each client shows in its own way. */
function settingIn(answer: Answer): string | null {
  if (answer instanceof StoreUnavailableError || typeof answer !== "object" || answer === null) return null;
  const values = Array.isArray(answer)
    ? answer.slice(1)
    : answer instanceof Map
      ? [...answer.values()]
      : Object.values(answer);
  return values.length === 0 ? null : String(values[0]);
}
