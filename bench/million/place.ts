/** A store with many sessions in it, filled by the library's own `create`. */

import { createSessions, memoryStore, type Sessions, type Store } from "sojourn";
import { redisStore } from "sojourn/redis";
import { sqliteStore } from "sojourn/sqlite";
import { type ManualClock, manualClock } from "sojourn/testing";
import { nodeRedis, PATIENT } from "../subjects/redis-clients.ts";
import { type SessionData, sessionData, USER_AGENT, userId } from "../subjects/session-data.ts";
import { type Plan, POLICIES, type PolicyName, policyOf, usersOfSessions } from "./plan.ts";

export interface PlaceOptions {
  readonly engine: "redis" | "sqlite" | "memory";
  /** Port of a redis-server, or path of a file. */
  readonly at: string;
  readonly secret: string;
  readonly plan: Plan;
  /** How far its clock is set forward. */
  readonly aheadMs: number;
}

export interface KnownSession {
  readonly id: string;
  readonly token: string;
  readonly userId: string;
}

/** The server that owns all sessions to begin with. */
export const SERVER_ID = "web-1";
/** Sessions that operations are tried on: of policy "normal", of users who have one or two. */
const KNOWN = 4_000;
const IN_FLIGHT = 256;
const PROGRESS_EVERY = 10_000;

export class Place {
  readonly store: Store;
  readonly sessions: Sessions<SessionData>;
  readonly plan: Plan;
  readonly known: KnownSession[] = [];
  readonly #closeClient: () => void;

  private constructor(store: Store, clock: ManualClock, { secret, plan }: PlaceOptions, closeClient: () => void) {
    this.store = store;
    this.plan = plan;
    this.sessions = createSessions<SessionData>({
      store,
      clock,
      secrets: [secret],
      policies: POLICIES,
      serverId: SERVER_ID,
      background: false,
    });
    this.#closeClient = closeClient;
  }

  static async open(options: PlaceOptions): Promise<Place> {
    const { engine, at, aheadMs } = options;
    const clock = manualClock();
    await clock.advance(aheadMs);
    if (engine === "redis") {
      const client = await nodeRedis(Number(at));
      const store = redisStore(client, { clock, deadline: PATIENT });
      return new Place(store, clock, options, () => client.destroy());
    }
    const store = engine === "memory" ? memoryStore({ clock }) : sqliteStore(at, { clock, writeDeadlineMs: 10_000 });
    return new Place(store, clock, options, () => undefined);
  }

  /** Creates the sessions of the plan. @param onProgress told how many there are, now and then */
  async fill(onProgress: (made: number) => void = () => undefined): Promise<void> {
    const users = usersOfSessions(this.plan);
    let made = 0;
    await inFlight(users.length, async (session) => {
      const user = users[session] ?? 0;
      const policy = policyOf(session, user);
      const created = await this.create(user, policy);
      if (policy === "normal" && user >= this.plan.users / 2 && this.known.length < KNOWN) this.known.push(created);
      made += 1;
      if (made % PROGRESS_EVERY === 0) onProgress(made);
    });
  }

  /** Sessions of one user. Answers how many. */
  async refill(user: number, count: number): Promise<number> {
    await inFlight(count, () => this.create(user));
    return count;
  }

  async create(user: number, policy: PolicyName = "normal"): Promise<KnownSession> {
    const { token, session } = await this.sessions.create({
      userId: userId(user),
      policy,
      data: sessionData(),
      device: { ip: `203.0.${user % 256}.7`, userAgent: USER_AGENT },
    });
    return { id: session.id, token, userId: userId(user) };
  }

  async end(made: readonly KnownSession[]): Promise<void> {
    await Promise.all(made.map(({ id }) => this.sessions.revoke(id)));
  }

  /** A user who has one or two sessions. */
  fewUser(n: number): number {
    return this.plan.users - 1 - (n % Math.floor(this.plan.users / 2));
  }

  /** One of the known sessions, another one each time. */
  session(n: number): KnownSession {
    const session = this.known[n % this.known.length];
    if (session === undefined) throw new Error("no session is known: fill the place first");
    return session;
  }

  async close(): Promise<void> {
    await this.sessions.close();
    this.#closeClient();
  }
}

async function inFlight(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}
