/**
 * A process of its own that writes to one session, or logs one user in again and again, and ends.
 * Arguments: store URL, id of the session or user, name of this writer, what to do, how often.
 */

import { createSessions, SessionLimitError, type SessionsOptions } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { TEST_SECRET } from "./secrets.ts";

type Task = (i: number) => Promise<unknown>;

const [url = "", id = "", writer = "", work = "", times = "0"] = process.argv.slice(2);
const onExceed = work === "log in or be refused" ? "reject" : "evictOldest";
const limit: SessionsOptions["limit"] = { perUser: 3, onExceed };
const sessions = createSessions({ store: await openStore(url), secrets: [TEST_SECRET], limit });

const tasks: Record<string, Task> = {
  "distinct keys": (i) => sessions.data(id).set(`${writer}-${i}`, i),
  increment: () => sessions.data(id).increment("count"),
  update: () => sessions.data(id).update((draft) => void (draft["sum"] = Number(draft["sum"] ?? 0) + 1)),
  "log in": () => sessions.create({ userId: id }),
  "log in or be refused": async () => {
    try {
      return await sessions.create({ userId: id });
    } catch (error) {
      if (error instanceof SessionLimitError) return null;
      throw error;
    }
  },
};

const task: Task = tasks[work] ?? (() => Promise.reject(new Error(`unknown work: ${work}`)));
process.send?.("ready");
await new Promise((resolve) => process.once("message", resolve));
const done = await Promise.allSettled(Array.from({ length: Number(times) }, (_, i) => task(i)));
process.send?.({
  written: done.filter((each) => each.status === "fulfilled" && each.value !== false && each.value !== null).length,
  failures: done.flatMap((each) => (each.status === "rejected" ? [String(each.reason)] : [])).slice(0, 3),
});
await sessions.close();
process.disconnect?.();
