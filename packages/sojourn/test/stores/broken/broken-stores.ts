/** Stores that break one promise each. The conformance suite must catch every one by name. */

import { memoryStore } from "../../../src/stores/memory/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { type ManualClock } from "../../../src/testing/manual-clock.ts";

export interface BrokenStore {
  readonly flaw: string;
  /** The case that must fail. */
  readonly caughtBy: string;
  make(clock: ManualClock): Store;
}

type Overrides = (sound: Store) => Partial<Store>;

function broken(flaw: string, caughtBy: string, overrides: Overrides): BrokenStore {
  return {
    flaw,
    caughtBy,
    make(clock) {
      const sound = memoryStore({ clock });
      const changed = overrides(sound);
      return new Proxy(sound, {
        get(target, name) {
          const value: unknown = Reflect.get(name in changed ? changed : target, name);
          return typeof value === "function" ? (value.bind(name in changed ? changed : target) as unknown) : value;
        },
      });
    },
  };
}

export const BROKEN_STORES: readonly BrokenStore[] = [
  broken(
    "ignores the expected revision, as a plain SET would",
    "G2 two readers-and-writers of one key lose no update",
    (sound) => ({
      patch: ({ id, changes, maxBytes }, call) => sound.patch({ id, changes, maxBytes }, call),
    }),
  ),
  broken("executes writes that come late", "a write past its notAfter changes nothing", (sound) => ({
    patch: (input) => sound.patch(input),
    create: (session) => sound.create(session),
  })),
  broken(
    "brings an ended session back when create is sent again",
    "create sent again after revoke does not bring the session back",
    (sound) => {
      const revived = new Map<string, Buffer>();
      return {
        create: async (session, call) => {
          const outcome = await sound.create(session, call);
          if (outcome.status === "gone") revived.set(session.id, session.record);
          return { status: "created", userEpoch: 0 };
        },
        read: async (id) => revived.get(id) ?? sound.read(id),
      };
    },
  ),
];
