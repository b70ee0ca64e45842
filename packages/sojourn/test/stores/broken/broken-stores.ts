/** Stores that break one promise each. The conformance suite must catch every one by name. */

import { SessionRecord } from "../../../src/data/session-record.ts";
import { memoryStore } from "../../../src/stores/memory/memory-store.ts";
import { isRecord, type NewSession, type ReadOutcome, type Store } from "../../../src/store/store.ts";
import { EVICTION } from "../../../src/store/user-limit.ts";
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

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export const BROKEN_STORES: readonly BrokenStore[] = [
  broken(
    "goes on behind the first session of a page that it did not show",
    "page brings every live session once, and none that has ended or expired",
    (sound) => ({
      page: async (input) => {
        const page = await sound.page({ ...input, limit: input.limit + 1 });
        return { ...page, items: page.items.slice(0, input.limit), scanned: Math.min(page.scanned, input.limit) };
      },
    }),
  ),
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
  broken(
    "lets a read join one that is in flight",
    "F1 a read begun after an acknowledged revoke sees the end, though another read is in flight",
    (sound) => {
      const inFlight = new Map<string, Promise<ReadOutcome>>();
      const slowRead = async (id: string): Promise<ReadOutcome> => {
        const outcome = await sound.read(id);
        await nextTurn();
        inFlight.delete(id);
        return outcome;
      };
      return {
        async read(id) {
          const read = inFlight.get(id) ?? slowRead(id);
          inFlight.set(id, read);
          return read;
        },
      };
    },
  ),
  broken(
    "acknowledges a revoke before it is done",
    "F2 writers and touches that race with a revoke never bring the session back",
    (sound) => ({
      async revoke(input, call) {
        setImmediate(() => void sound.revoke(input, call).catch(() => undefined));
        return { ended: true, record: null };
      },
    }),
  ),
  broken("moves the idle deadline with a data write", "patch moves no deadline", (sound) => ({
    async patch(input, call) {
      await sound.touch({ id: input.id, minIntervalMs: 0, confirm: false }, call);
      return sound.patch(input, call);
    },
  })),
  broken(
    "gives each racer a successor of its own",
    "E3 fifty racers that rotate one token get one successor; the current token stays",
    (sound) => ({
      rotate: async (input, call) => {
        const outcome = await sound.rotate(input, call);
        if (outcome.status !== "pending") return outcome;
        const { rotation } = new SessionRecord(outcome.record);
        return sound.rotate({ ...input, replaces: rotation?.otherHash ?? null }, call);
      },
    }),
  ),
  broken(
    "leaves ended sessions in their user's index",
    "counts and lists are exact through create, revoke and expiry",
    (sound) => {
      const index: NewSession[] = [];
      return {
        create(session, call) {
          index.push(session);
          return sound.create(session, call);
        },
        listUser: async (userKey) => index.filter((each) => each.userKey === userKey),
      };
    },
  ),
  broken("forgets why a session ended", "revoke ends a session and says why for an hour", (sound) => ({
    async read(id) {
      const outcome = await sound.read(id);
      return isRecord(outcome) ? outcome : null;
    },
  })),
  broken(
    "keeps a limit in two steps, counting and then storing",
    "G1 fifty parallel logins, a limit of 3, looked at all the while: never more than 3",
    (sound) => ({
      create: async ({ limit, ...session }, call) => {
        const live = session.userKey === null ? [] : await sound.listUser(session.userKey);
        await nextTurn();
        const [oldest] = live;
        if (limit !== undefined && oldest !== undefined && live.length >= limit.perUser) {
          await sound.revoke({ id: oldest.id, ...EVICTION });
        }
        return sound.create(session, call);
      },
    }),
  ),
  broken(
    "ends what it finds before a time, and keeps no cut-off for what is still on its way",
    "F2 a create from before a cut-off is gone, however late it arrives",
    (sound) => {
      const made = new Map<string, number>();
      return {
        create: (session, call) => {
          made.set(session.id, session.record.readUIntBE(14, 6));
          return sound.create(session, call);
        },
        revokeBefore: async ({ before, reason, actor }) => {
          let ended = 0;
          for (const [id, createdAt] of made) {
            if (createdAt < before && (await sound.revoke({ id, reason, actor })).ended) ended += 1;
          }
          return { ended };
        },
      };
    },
  ),
];
