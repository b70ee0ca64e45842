/** What `onEnding` tells. */

import assert from "node:assert/strict";
import type { Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { amendment } from "./amending.ts";
import { ending, endingUser } from "./environment.ts";

const LOOK_MS = 5;
const MOST_LOOKS = 600;

/** Listens, and waits until it was told of all of these: by their ids, or that any may have ended. */
class Ear {
  readonly heard: (string | null)[] = [];
  readonly stop: () => void;

  constructor(store: Store) {
    this.stop = store.onEnding((id) => void this.heard.push(id));
  }

  async hears(ids: readonly string[]): Promise<void> {
    for (let looks = 0; !this.heard.includes(null) && !ids.every((id) => this.heard.includes(id)); looks++) {
      assert.ok(looks < MOST_LOOKS, `heard ${JSON.stringify(this.heard)}, not ${ids.join(", ")}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

export const ENDINGS: readonly ConformanceCase[] = [
  {
    name: "F7 onEnding tells of a session that ends through this store",
    async run(env) {
      const { id } = await env.created();
      const ear = new Ear(env.store);
      await env.store.revoke(ending(id));
      await ear.hears([id]);
      ear.stop();
    },
  },
  {
    name: "F7 onEnding tells of sessions that another process ends, one or all of a user",
    async run(env) {
      const made = await Promise.all([1, 2, 3].map(() => env.created({ userId: "ada" })));
      const [first = "", ...others] = made.map(({ id }) => id);
      const ear = new Ear(env.store);
      await env.other.revoke(ending(first));
      await ear.hears([first]);
      ear.heard.length = 0;
      await env.other.revokeUser(endingUser(env.userKey("ada")));
      await ear.hears(others);
      ear.stop();
    },
  },
  {
    name: "F7 onEnding tells of a session that a new one evicts",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      const ear = new Ear(env.store);
      const limit = { perUser: 1, onExceed: "evictOldest", confirmGraceMs: 0 } as const;
      await env.other.create({ ...env.made({ userId: "ada" }), limit });
      await ear.hears([id]);
      ear.stop();
    },
  },
  {
    name: "F7 a session that is locked is heard of: as an event where it was done, elsewhere by onEnding",
    async run(env) {
      const [{ id }, ear] = [await env.created(), new Ear(env.store)];
      const stop = env.store.onEvent((event) => event.type === "locked" && ear.heard.push(event.sessionId));
      await env.other.amend({ ...(await amendment(env, id, "web-2")), locked: true, event: { type: "locked" } });
      await ear.hears([id]);
      stop();
      ear.stop();
    },
  },
  {
    name: "onEnding tells nothing more to whoever has stopped, and to another one still",
    async run(env) {
      const [{ id }, gone, stays] = [await env.created(), new Ear(env.store), new Ear(env.store)];
      gone.stop();
      gone.stop();
      await env.store.revoke(ending(id));
      await stays.hears([id]);
      assert.deepEqual(gone.heard, []);
      stays.stop();
    },
  },
];
