/** A Redis that ends under load and comes back with what it kept: what of all that was acknowledged is still so. */

import { setTimeout as sleep } from "node:timers/promises";
import { createSessions, type Sessions, UserDisabledError } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import { NODE_REDIS, type OpenedClient } from "./redis-clients.ts";
import { PATIENT, startRedis } from "./redis-server.ts";
import { TEST_SECRET } from "./secrets.ts";

/** What Redis keeps, and how it is told to. */
export const KEEPING: Readonly<Record<string, readonly string[]>> = {
  "append-only file, `appendfsync always`": ["--appendonly", "yes", "--appendfsync", "always"],
  "append-only file, `appendfsync everysec`": ["--appendonly", "yes", "--appendfsync", "everysec"],
  "snapshots only (`save`)": ["--save", "3600 1"],
  nothing: [],
};

export const ENDS = { "kill -9": "SIGKILL", SHUTDOWN: "SIGTERM" } as const;

export interface RestartOptions {
  readonly keeping: string;
  readonly end: keyof typeof ENDS;
  readonly loadMs: number;
}

export interface RestartResult {
  /** Logins that were acknowledged and not ended, and those of them that the server does not know any more. */
  readonly logins: { readonly acknowledged: number; readonly lost: number };
  /** Endings that were acknowledged. */
  readonly endings: {
    readonly acknowledged: number;
    /** Accepted by a process that began after the restart, while none was left from before. */
    readonly undone: number;
    /** Accepted by the process that had ended them, once it was connected again. */
    readonly acceptedBySurvivor: number;
    /** Accepted by the new process after the old one was connected for a while. */
    readonly undoneForGood: number;
  };
  /** Most live sessions of a user, of whom three may have one. */
  readonly mostOfOneUser: number;
  /** A disabled user is refused still. */
  readonly disabledHolds: boolean;
  /** Sessions that `revokeBefore` had ended are refused still. */
  readonly cutOffHolds: boolean;
  /** Differences between indexes and records. */
  readonly differences: number;
  /** From the start of the server until the first valid session. Null when none was left. */
  readonly backMs: number | null;
}

/** Who logs in once too often, again and again. */
const LIMITED = "limited";
const LIMITED_EVERY = 10;
const PER_USER = 3;
const CALLERS = 8;
const LOOK = { touch: false } as const;

interface Acknowledged {
  /** By token: every session that was begun and not knowingly ended. */
  readonly live: Map<string, string>;
  readonly ended: Set<string>;
}

/** Starts a server of its own, and ends it. */
export async function restartUnderLoad({ keeping, end, loadMs }: RestartOptions): Promise<RestartResult> {
  const server = await startRedis(KEEPING[keeping]);
  const proxy = await CuttingProxy.before(server.port);
  const open: (() => Promise<void>)[] = [];
  try {
    const before = await processOn(proxy.port, open);
    const { token: cut } = await before.create({ userId: "old", policy: "temporary" });
    const over = underLoad(before);
    await sleep(loadMs / 2);
    if (KEEPING[keeping]?.includes("--save") === true) await (await server.admin()).sendCommand(["SAVE"]);
    await Promise.all([
      before.disableUser("mallory"),
      before.revokeBefore({ policy: "temporary", before: Date.now() + 1_000, reason: "leaked" }),
      sleep(loadMs / 2),
    ]);
    await server.kill(ENDS[end]);
    await proxy.closePort();
    const done = await over();
    const startedAt = performance.now();
    await server.start();
    const after = await processOn(server.port, open, false);
    const alone = await seenBy(after, done, startedAt);
    const holds = { disabledHolds: await isDisabled(after), cutOffHolds: !(await isValid(after, cut)) };
    const { differences } = await after.check();
    await proxy.openPort();
    await expectConnected(before);
    const acceptedBySurvivor = await valid(before, done.ended);
    const undoneForGood = await settled(() => valid(after, done.ended));
    return {
      logins: { acknowledged: done.live.size, lost: alone.lost },
      endings: { acknowledged: done.ended.size, undone: alone.undone, acceptedBySurvivor, undoneForGood },
      mostOfOneUser: alone.mostOfOneUser,
      ...holds,
      differences: Object.values(differences).reduce((sum, count) => sum + count, 0),
      backMs: alone.backMs,
    };
  } finally {
    for (const close of open.toReversed()) await close();
    await proxy.close().catch(() => undefined);
    await server.stop();
  }
}

async function processOn(port: number, open: (() => Promise<void>)[], background = true): Promise<Sessions> {
  const { client, close }: OpenedClient = await NODE_REDIS.open(port);
  const sessions = createSessions({
    store: redisStore(client, { deadline: PATIENT }),
    secrets: [TEST_SECRET],
    limit: { perUser: PER_USER },
    background,
    reaper: false,
    log: () => undefined,
  });
  await sessions.ready();
  open.push(async () => {
    await sessions.close();
    close();
  });
  return sessions;
}

/** Logins, logins over the limit, and revocations, by several callers at once until the answer is called; what fails is not acknowledged. */
function underLoad(sessions: Sessions): () => Promise<Acknowledged> {
  const done: Acknowledged = { live: new Map(), ended: new Set() };
  const over = new AbortController();
  const caller = async (first: number): Promise<void> => {
    for (let i = first; !over.signal.aborted; i += CALLERS) {
      try {
        await step(sessions, i, done);
      } catch {
        // Not acknowledged; the server is gone.
        await sleep(5);
      }
    }
  };
  const callers = Array.from({ length: CALLERS }, (_, i) => caller(i));
  return async () => {
    over.abort();
    await Promise.all(callers);
    return done;
  };
}

async function step(sessions: Sessions, i: number, { live, ended }: Acknowledged): Promise<void> {
  const isLimited = i % LIMITED_EVERY === 0;
  const { token, session } = await sessions.create({ userId: isLimited ? LIMITED : `user-${i}` });
  await sessions.validate(token, { touch: true });
  if (isLimited) return;
  live.set(token, session.id);
  if (i % 2 === 0) return;
  const oldest = live.keys().next().value ?? token;
  const id = live.get(oldest);
  // Not known to live any more, and not known to have ended either, until that is acknowledged.
  live.delete(oldest);
  if (id !== undefined && (await sessions.revoke(id))) ended.add(oldest);
}

interface Seen {
  readonly lost: number;
  readonly undone: number;
  readonly mostOfOneUser: number;
  readonly backMs: number | null;
}

async function seenBy(sessions: Sessions, { live, ended }: Acknowledged, startedAt: number): Promise<Seen> {
  let backMs: number | null = null;
  let lost = 0;
  for (const token of live.keys()) {
    const result = await sessions.validate(token, LOOK);
    if (result.valid) backMs ??= performance.now() - startedAt;
    else lost++;
  }
  const mostOfOneUser = (await sessions.list(LIMITED)).length;
  return { lost, undone: await valid(sessions, ended), mostOfOneUser, backMs };
}

async function isValid(sessions: Sessions, token: string): Promise<boolean> {
  return (await sessions.validate(token, LOOK)).valid;
}

async function valid(sessions: Sessions, tokens: Iterable<string>): Promise<number> {
  const answers = await Promise.all([...tokens].map((token) => isValid(sessions, token)));
  return answers.filter(Boolean).length;
}

async function isDisabled(sessions: Sessions): Promise<boolean> {
  try {
    await sessions.create({ userId: "mallory" });
    return false;
  } catch (error) {
    if (error instanceof UserDisabledError) return true;
    throw error;
  }
}

async function expectConnected(sessions: Sessions): Promise<void> {
  for (const until = performance.now() + 10_000; performance.now() < until; await sleep(20)) {
    try {
      await sessions.count();
      return;
    } catch {
      // Not yet.
    }
  }
  throw new Error("the client did not connect again");
}

/** Until it is 0, or for five seconds. */
async function settled(count: () => Promise<number>): Promise<number> {
  let left = await count();
  for (const until = performance.now() + 5_000; left > 0 && performance.now() < until; left = await count())
    await sleep(50);
  return left;
}
