/** Who has how many sessions, and of which policy: the same seed gives the same ones in the same order. */

import { Random } from "../../packages/sojourn/test/support/random.ts";

export interface Plan {
  readonly seed: string;
  readonly sessions: number;
  /** Each has one session at least. */
  readonly users: number;
  /** Sessions of the user who has most, who is number 0. */
  readonly most: number;
}

/** `due` sessions are over once the reaper's clock is set forward; `swept` ones are ended by a cut-off of their policy. */
export const POLICIES = {
  normal: { idle: "24h", absolute: "7d" },
  due: { idle: "1h", absolute: "1h" },
  swept: { idle: "24h", absolute: "7d" },
} as const;
export type PolicyName = keyof typeof POLICIES;

/** Set forward by so much, `due` sessions are over and in their reap grace, and all others live. */
export const AHEAD_MS = 90 * 60_000;

/** Of twenty sessions in a row. */
const DUE_OF_TWENTY = 2;
const SWEPT_OF_TWENTY = 1;

/** 400,000 users for a million sessions, of whom one has 10,000; in proportion for other numbers. */
export function planOf(sessions: number, seed = "million"): Plan {
  return { seed, sessions, users: Math.ceil(sessions * 0.4), most: Math.ceil(sessions / 100) };
}

/** How many sessions each user has: 1 + (most − 1) ÷ rank ^ s, with the s that makes their sum the plan's. */
export function sessionsOfUsers({ sessions, users, most }: Plan): Uint32Array {
  const countsFor = (s: number): Uint32Array =>
    Uint32Array.from({ length: users }, (_, i) => 1 + (most - 1) / (i + 1) ** s);
  let [few, many] = [10, 0];
  for (let step = 0; step < 40; step++) {
    const middle = (few + many) / 2;
    if (sumOf(countsFor(middle)) > sessions) many = middle;
    else few = middle;
  }
  const counts = countsFor(few);
  // What rounding leaves over goes to those who have fewest.
  const left = sessions - sumOf(counts);
  for (let i = users - left; i < users; i++) counts[i] = (counts[i] ?? 0) + 1;
  return counts;
}

/** The user of each session; users are mixed. */
export function usersOfSessions(plan: Plan): Uint32Array {
  const random = new Random(plan.seed);
  const users = new Uint32Array(plan.sessions);
  let at = 0;
  for (const [user, count] of sessionsOfUsers(plan).entries()) users.fill(user, at, (at += count));
  for (let i = users.length - 1; i > 0; i--) {
    const other = random.whole(0, i);
    [users[i], users[other]] = [users[other] ?? 0, users[i] ?? 0];
  }
  return users;
}

/** @param session its place in the order @param user whose it is: all of user 0 stay until they sign out */
export function policyOf(session: number, user: number): PolicyName {
  const turn = session % 20;
  if (user === 0 || turn >= DUE_OF_TWENTY + SWEPT_OF_TWENTY) return "normal";
  return turn < DUE_OF_TWENTY ? "due" : "swept";
}

/** How many sessions there are of each policy. */
export function policyCounts(users: Uint32Array): Record<PolicyName, number> {
  const counts = { normal: 0, due: 0, swept: 0 };
  for (const [session, user] of users.entries()) counts[policyOf(session, user)] += 1;
  return counts;
}

function sumOf(counts: Uint32Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
