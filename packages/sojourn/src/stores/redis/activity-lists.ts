/** The activities of sessions, a list each. */

import type { ActivityInput, ActivityOutcome, WriteCall } from "../../store/store.ts";
import { gone } from "../../store/transitions.ts";
import type { Keys } from "./keys.ts";
import type { Preparation } from "./preparation.ts";
import { type RedisConnection, unexpectedReply } from "./redis-connection.ts";
import { parseTombstone } from "./script-answers.ts";
import type { ScriptRunner } from "./script-runner.ts";

export interface ListParts {
  readonly keys: Keys;
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly scripts: ScriptRunner;
}

export class ActivityLists {
  readonly #parts: ListParts;

  constructor(parts: ListParts) {
    this.#parts = parts;
  }

  async record(input: ActivityInput, call?: WriteCall): Promise<ActivityOutcome> {
    const { keys, scripts } = this.#parts;
    const { id } = input;
    const lists = [keys.session(id), keys.tombstone(id), keys.activity(id)];
    const answer = await scripts.run("recordActivity", lists, call, () => [
      input.entry,
      String(input.maxEntries),
      String(input.keptMs),
      input.afterEnding ? "1" : "",
    ]);
    return answer.status === "recorded" ? { status: "recorded" } : gone(parseTombstone(answer.bytes(2)));
  }

  async list(id: string): Promise<string[]> {
    const { keys, redis, preparation } = this.#parts;
    const key = keys.activity(id);
    await preparation.usable(key);
    const reply = await redis.read(key, ["LRANGE", key, "0", "-1"]);
    if (!Array.isArray(reply)) throw unexpectedReply(reply);
    return reply.map(String);
  }
}
