/** A Redis whose memory is full, under each policy: who is signed out, what logins are told, and what revocations miss. */

import { createSessions, type Sessions, StoreUnavailableError } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { PATIENT, startRedis } from "./redis-server.ts";
import { TEST_SECRET } from "./secrets.ts";

export const POLICIES = [
  "noeviction",
  "volatile-ttl",
  "volatile-lru",
  "volatile-random",
  "allkeys-lru",
  "allkeys-random",
] as const;

export interface EvictionOptions {
  readonly policy: (typeof POLICIES)[number];
  readonly maxMemory: string;
  /** Sessions that are begun, or tried to be. */
  readonly logins: number;
}

export interface EvictionResult {
  readonly policy: string;
  readonly acknowledged: number;
  /** Logins that were refused, by what they were told. */
  readonly refused: Readonly<Record<string, number>>;
  /** Sessions that were signed out by it. */
  readonly signedOut: number;
  /** Sessions that were ended before, or when memory was full, and are accepted again. */
  readonly undone: number;
  /** Revocations and logouts at full memory that failed. */
  readonly revocationsFailed: number;
  /** Sessions that are good although an acknowledged `revokeUser` had to end them, and how many it had to. */
  readonly missed: number;
  readonly ofUsers: number;
  /** Whether a process that begins now can read. */
  readonly newProcessReads: boolean;
}

const EARLY = 100;
const USERS = 150;
const BATCH = 50;
const LOOK = { touch: false } as const;

/** Starts a server of its own, and ends it. */
export async function atFullMemory({ policy, maxMemory, logins }: EvictionOptions): Promise<EvictionResult> {
  const server = await startRedis(["--maxmemory-policy", policy]);
  try {
    const admin = await server.admin();
    const open = async (): Promise<Sessions> => {
      const store = redisStore(await server.client(), { deadline: PATIENT });
      return createSessions({ store, secrets: [TEST_SECRET], background: false, log: () => undefined });
    };
    const sessions = await open();
    const early = await tokensOf(EARLY, (i) => sessions.create({ userId: `early-${i}` }));
    await Promise.all(early.map((token) => sessions.logout(token)));
    await admin.configSet("maxmemory", maxMemory);
    const { begun, refused } = await filled(sessions, logins);
    const still = await goodOf(sessions, begun);
    const [one, rest] = [still.slice(0, EARLY), still.slice(EARLY)];
    const ends = await Promise.allSettled(one.map((token) => sessions.logout(token)));
    const newProcess = await open();
    const newProcessReads = await newProcess.validate(rest[0], LOOK).then(
      () => true,
      () => false,
    );
    for (let i = 0; i < USERS; i++) await sessions.revokeUser(`user-${i}`);
    const missed = await goodOf(sessions, rest);
    const undone = await goodOf(sessions, [...early, ...one]);
    await Promise.all([sessions.close(), newProcess.close()]);
    return {
      policy,
      acknowledged: begun.length,
      refused,
      signedOut: begun.length - still.length,
      undone: undone.length,
      revocationsFailed: ends.filter(({ status }) => status === "rejected").length,
      missed: missed.length,
      ofUsers: rest.length,
      newProcessReads,
    };
  } finally {
    await server.stop();
  }
}

/** Logs in as each user in turn. */
async function filled(
  sessions: Sessions,
  logins: number,
): Promise<{ begun: string[]; refused: Record<string, number> }> {
  const [begun, refused]: [string[], Record<string, number>] = [[], {}];
  for (let first = 0; first < logins; first += BATCH) {
    const answers = Array.from({ length: BATCH }, async (_, i) => {
      try {
        begun.push((await sessions.create({ userId: `user-${(first + i) % USERS}` })).token);
      } catch (error) {
        const told = error instanceof StoreUnavailableError ? `${error.reason}, ${error.outcome}` : String(error);
        refused[told] = (refused[told] ?? 0) + 1;
      }
    });
    await Promise.all(answers);
  }
  return { begun, refused };
}

async function tokensOf(count: number, create: (i: number) => Promise<{ token: string }>): Promise<string[]> {
  const made = await Promise.all(Array.from({ length: count }, (_, i) => create(i)));
  return made.map(({ token }) => token);
}

async function goodOf(sessions: Sessions, tokens: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(tokens.map((token) => sessions.validate(token, LOOK)));
  return tokens.filter((_token, i) => answers[i]?.valid === true);
}
