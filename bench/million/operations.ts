/** Every operation whose cost must not grow with the number of sessions. */

import { setImmediate as turn } from "node:timers/promises";
import { userId } from "../subjects/session-data.ts";
import { type KnownSession, type Place, SERVER_ID } from "./place.ts";

/** Calls one after the other. What comes before and after them is not measured. */
export interface Run {
  call(n: number): Promise<unknown>;
  after?(): Promise<unknown>;
}

export interface Operation {
  readonly name: string;
  /** Calls of a round: fewer of those that take longer. */
  readonly calls: number;
  /** @param from number of the first call, so that rounds do not use the same sessions over and over */
  begin(from: number, calls: number): Promise<Run>;
}

const MANY = 200;
const SOME = 20;
const FEW = 5;

export function operationsOf(place: Place): Operation[] {
  const { sessions, store } = place;
  const data = (n: number) => sessions.data(place.session(n).id);
  return [
    creating("create", place, () => ({ created: async () => undefined, stop: () => undefined })),
    simple("validate", MANY, async (n) => {
      const answer = await sessions.validate(place.session(n).token, { touch: false });
      if (!answer.valid) throw new Error(`a session was refused: ${answer.reason}`);
    }),
    simple("get", MANY, async (n) => must(await sessions.get(place.session(n).id))),
    { name: "touch", calls: MANY, begin: (from, calls) => touching(place, from, calls) },
    simple("patch", MANY, async (n) => must(await data(n).set("pageSize", n))),
    simple("increment", MANY, async (n) => must(await data(n).increment("pageSize"))),
    consuming("rotate", place, async ({ token }) => must(await sessions.rotate(token))),
    consuming("revoke", place, async ({ id }) => must(await sessions.revoke(id))),
    simple("list", MANY, async (n) => must((await sessions.list(place.session(n).userId))[0])),
    simple("activity", MANY, async (n) => must(await sessions.activity.record(place.session(n).id, "viewed", { n }))),
    creating("event", place, heard),
    simple("failedLogin", SOME, () => sessions.security.recordFailedLogin({ userId: userId(0) })),
    simple("find", SOME, finding(place)),
    simple("drain", SOME, draining(place)),
    simple("check", SOME, checking(place)),
    simple("reap", FEW, (n) => store.reap({ part: n % store.parts, notWithinMs: 0 })),
    simple("count", FEW, () => sessions.count()),
    simple("countUsers", FEW, () => store.countUsers()),
    simple("stats", FEW, () => sessions.stats()),
  ];
}

function must<T>(value: T | null | undefined): T {
  if (value === undefined || value === null || value === false) throw new Error("an operation found no session");
  return value;
}

function simple(name: string, calls: number, call: (n: number) => Promise<unknown>): Operation {
  return { name, calls, begin: async (from) => ({ call: (n) => call(from + n) }) };
}

/** Calls that use up a session each, which are made before and ended after. */
function consuming(name: string, place: Place, call: (session: KnownSession) => Promise<unknown>): Operation {
  return {
    name,
    calls: MANY,
    async begin(from, calls) {
      const making = Array.from({ length: calls }, (_, n) => place.create(place.fewUser(from + n)));
      const made = await Promise.all(making);
      return { call: (n) => call(must(made[n])), after: () => place.end(made) };
    },
  };
}

/** What is done with each session that was created, and once all were. */
interface Witness {
  readonly created: (id: string) => Promise<unknown>;
  readonly stop: () => void;
}

function creating(name: string, place: Place, witness: (place: Place) => Witness): Operation {
  return {
    name,
    calls: MANY,
    async begin(from) {
      const made: KnownSession[] = [];
      const { created, stop } = witness(place);
      return {
        async call(n) {
          const session = await place.create(place.fewUser(from + n));
          made.push(session);
          await created(session.id);
        },
        after() {
          stop();
          return place.end(made);
        },
      };
    },
  };
}

/** Waits for the event of each. */
function heard({ sessions }: Place): Witness {
  const ids = new Set<string>();
  const stop = sessions.events.on("created", ({ sessionId }) => void ids.add(sessionId));
  return {
    created: async (id) => {
      while (!ids.delete(id)) await turn();
    },
    stop,
  };
}

async function touching(place: Place, from: number, calls: number): Promise<Run> {
  const reads = Array.from({ length: calls }, (_, n) => place.sessions.get(place.session(from + n).id));
  const handles = await Promise.all(reads);
  return { call: (n) => must(handles[n]).touch() };
}

/** Pages of a hundred, one after the other. */
function finding({ sessions }: Place): () => Promise<unknown> {
  let at: string | null = null;
  return async () => {
    at = (await sessions.find({ cursor: at, limit: 100 })).cursor;
  };
}

/** A hundred sessions to the other server; and back, once all are there. */
function draining({ sessions }: Place): () => Promise<unknown> {
  let [from, to] = [SERVER_ID, "web-2"];
  let at: string | null = null;
  return async () => {
    at = (await sessions.drain(from, to, { cursor: at, onProgress: () => false })).cursor;
    if (at === null) [from, to] = [to, from];
  };
}

/** As many pages as it takes to look at fifty sessions: where there are few, a page holds less. */
function checking({ store }: Place): () => Promise<unknown> {
  let part = 0;
  let at: string | null = null;
  return async () => {
    for (let looked = 0; looked < 50; ) {
      const { cursor, differences, checked } = await store.checkIndexes({ part, cursor: at, repair: false });
      if (differences.length > 0) throw new Error(`an index differs: ${JSON.stringify(differences[0])}`);
      looked += checked;
      at = cursor;
      if (at === null) part = (part + 1) % store.parts;
    }
  };
}
