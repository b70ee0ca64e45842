import { expect, test } from "vitest";
import { planOf, policyCounts, sessionsOfUsers, usersOfSessions } from "./plan.ts";

test("a million sessions are those of 400,000 users, of whom one has 10,000 and most have one or two", () => {
  const counts = sessionsOfUsers(planOf(1_000_000));
  expect(counts).toHaveLength(400_000);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_000_000);
  expect(counts[0]).toBe(10_000);
  const inOrder = counts.toSorted((a, b) => b - a);
  expect(inOrder[1]).toBeLessThan(10_000);
  expect(inOrder[100_000]).toBeLessThanOrEqual(2);
  expect(inOrder.at(-1)).toBe(1);
  expect(counts.subarray(200_000).every((count) => count <= 2)).toBe(true);
});

test.each([1_000, 10_000, 100_000])("%d sessions in the same proportion, each in its place by the seed", (sessions) => {
  const plan = planOf(sessions);
  const users = usersOfSessions(plan);
  expect(users).toEqual(usersOfSessions(planOf(sessions)));
  expect(users).not.toEqual(usersOfSessions(planOf(sessions, "another")));
  const counts = new Uint32Array(plan.users);
  for (const user of users) counts[user] = (counts[user] ?? 0) + 1;
  expect(counts).toEqual(sessionsOfUsers(plan));
  expect(counts[0]).toBe(sessions / 100);
});

test("one session in ten will be due, one in twenty swept, none of them of the user with most", () => {
  const counts = policyCounts(usersOfSessions(planOf(100_000)));
  expect(counts.normal + counts.due + counts.swept).toBe(100_000);
  expect(counts.due / 99_000).toBeCloseTo(0.1, 2);
  expect(counts.swept / 99_000).toBeCloseTo(0.05, 2);
});
