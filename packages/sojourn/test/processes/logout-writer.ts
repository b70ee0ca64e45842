/**
 * A process of its own whose writers go on with whatever session it is told, until that has ended.
 * Arguments: engine, where, how many writers. See `logout.ts` for what is said between the processes.
 */

import { ConflictError, createSessions, SessionEndedError, StoreUnavailableError } from "../../src/index.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { type DurableEngine, openEngine } from "./durable-engines.ts";
import type { FromWriter, ToWriter } from "./logout.ts";

const [engine = "", where = "", writers = "0"] = process.argv.slice(2);
const opened = await openEngine(engine as DurableEngine, where);
const sessions = createSessions({ store: opened.store, secrets: [TEST_SECRET], background: false });

/** Each answers whether the session is there. */
const WORKS: readonly ((id: string, token: string, i: number) => Promise<boolean>)[] = [
  (id, _, i) => sessions.data(id).set(`key-${i % 7}`, i),
  async (id) => (await sessions.data(id).increment("count")) !== null,
  async (id) =>
    (await sessions.data(id).update((draft) => void (draft["sum"] = Number(draft["sum"] ?? 0) + 1))) !== null,
  async (id, _, i) => {
    const session = await sessions.get(id);
    await session?.set("own", i);
    return session !== null;
  },
  async (_, token) => (await sessions.validate(token, { touch: true })).valid,
];

/** An answer that the store gave; it is asked again when it gave none. To lose against other writers is an answer. */
async function isThere(work: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SessionEndedError) return false;
      if (error instanceof ConflictError) return true;
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }
}

/** What the writers are at. */
interface Round {
  readonly id: string;
  readonly token: string;
  written: number;
  /** A session that did not end must not keep the writers for ever. */
  stopped: boolean;
}

async function writeUntilEnded(round: Round, writer: number): Promise<void> {
  const work = WORKS[writer % WORKS.length];
  if (work === undefined) throw new Error("no work");
  for (let i = 0; !round.stopped && (await isThere(() => work(round.id, round.token, i))); i++) {
    round.written += 1;
    if (round.written === 1) say({ said: "writing" });
  }
}

let round: Round = { id: "", token: "", written: 0, stopped: true };
let writing: Promise<unknown> = Promise.resolve();

function begin(id: string, token: string): void {
  const begun = { id, token, written: 0, stopped: false };
  round = begun;
  writing = Promise.all(Array.from({ length: Number(writers) }, (_, i) => writeUntilEnded(begun, i)));
}

/** What began after the logout was acknowledged: nothing may find the session. */
async function look(id: string, token: string): Promise<void> {
  round.stopped = true;
  const found = await Promise.all(WORKS.map((work) => isThere(() => work(id, token, 0))));
  await writing;
  say({ said: "looked", alive: found.some(Boolean), written: round.written });
}

function say(message: FromWriter): void {
  process.send?.(message);
}

process.on("message", (message: ToWriter) => {
  if (message.do === "write") begin(message.id, message.token);
  if (message.do === "look") void look(message.id, message.token);
  if (message.do === "stop") {
    void sessions.close().then(() => {
      opened.close();
      process.disconnect?.();
    });
  }
});
say({ said: "ready" });
