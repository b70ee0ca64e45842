/** What a scenario is, and what the harness hands to it. */

import { Contestant, type ContestantSpec } from "./contestants.ts";
import { type RedisServer, startRedis } from "../../packages/sojourn/test/support/redis-server.ts";
import type { Outcome } from "./result.ts";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Part of `npm run bench`, which takes five minutes at most; the others run with `bench:full`, or by name. */
  readonly isQuick: boolean;
  run(bench: Bench): Promise<Outcome>;
}

/** What every redis-server here runs with, besides no persistence. */
const REDIS_SETTINGS = ["--io-threads", "1", "--activedefrag", "no", "--maxmemory", "0"];

export const REDIS_NOTE = `redis-server of its own on 127.0.0.1: --save "" --appendonly no ${REDIS_SETTINGS.join(" ")}`;

export class Bench {
  /** Rounds of a comparison; a scenario may take more. */
  readonly rounds: number;
  /** Folder for the CPU profiles of contestants; undefined: none are made. */
  readonly profileTo: string | undefined;
  readonly #contestants: Contestant[] = [];
  readonly #servers: RedisServer[] = [];

  constructor(options: { readonly rounds: number; readonly profileTo: string | undefined }) {
    this.rounds = options.rounds;
    this.profileTo = options.profileTo;
  }

  async redis(): Promise<RedisServer> {
    const server = await startRedis(REDIS_SETTINGS);
    this.#servers.push(server);
    return server;
  }

  async contestant(spec: ContestantSpec): Promise<Contestant> {
    const contestant = await Contestant.start(spec, this.profileTo);
    this.#contestants.push(contestant);
    return contestant;
  }

  /** Ends what was started. */
  async clear(): Promise<void> {
    for (const contestant of this.#contestants.splice(0)) await contestant.stop();
    for (const server of this.#servers.splice(0)) await server.stop();
  }
}
