/** What is done all at once, on the largest scale there is. Each answers how many sessions, users or differences. */

import { userId } from "../subjects/session-data.ts";
import type { Place } from "./place.ts";

export const TASKS = {
  count: ({ sessions }: Place) => sessions.count(),
  countUsers: ({ store }: Place) => store.countUsers(),
  /** Of the user who has most. */
  listMost: async ({ sessions }: Place) => (await sessions.list(userId(0))).length,
  signOutMost: async ({ sessions }: Place) => (await sessions.revokeUser(userId(0), { reason: "logout" })).ended,
  /** As many as they had. */
  refillMost: (place: Place) => place.refill(0, place.plan.most),
  sweep: async ({ sessions }: Place) =>
    (await sessions.revokeBefore({ policy: "swept", before: new Date(), reason: "policy" })).ended,
  async reap({ sessions }: Place) {
    for (let ended = 0; ; ) {
      const { expired, more } = await sessions.reaper.runOnce();
      ended += expired;
      if (!more) return ended;
    }
  },
  async differences({ sessions }: Place) {
    const { differences } = await sessions.check();
    return Object.values(differences).reduce((sum, each) => sum + each, 0);
  },
} as const;

export type Task = keyof typeof TASKS;
