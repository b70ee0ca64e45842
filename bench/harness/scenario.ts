/** What a scenario is, and what the harness hands to it. */

import { budgetOf, type Measured, verdict } from "../budgets.ts";
import { Contestant, type ContestantSpec } from "./contestants.ts";
import { pinProcess } from "./pinning.ts";
import { startCluster } from "./redis-cluster.ts";
import { selfTimes, smallProfile } from "./profile.ts";
import { type RedisServer, startOpenRedis } from "../../packages/sojourn/test/support/redis-server.ts";
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

const HOTTEST_SHOWN = 12;

export class Bench {
  /** Rounds of a comparison; a scenario may take more. */
  readonly rounds: number;
  /** Folder for the CPU profiles of contestants; undefined: none are made. */
  readonly profileTo: string | undefined;
  /** Of contestants that missed a budget, by name of the file. */
  readonly profiles = new Map<string, string>();
  readonly #contestants: Contestant[] = [];
  readonly #servers: RedisServer[] = [];

  constructor(options: { readonly rounds: number; readonly profileTo: string | undefined }) {
    this.rounds = options.rounds;
    this.profileTo = options.profileTo;
  }

  /** Of a comparison whose finding is a difference of microseconds: 22 where the others take 7. */
  get fineRounds(): number {
    return 3 * this.rounds + 1;
  }

  /** @param core "subject" where the server is what is measured; else it shares a core with the load */
  async redis(core: "harness" | "subject" = "harness"): Promise<RedisServer> {
    return this.#server(core, []);
  }

  /** The port of one of three servers. */
  cluster(): Promise<number> {
    return startCluster((settings) => this.#server("harness", settings));
  }

  async #server(core: "harness" | "subject", settings: readonly string[]): Promise<RedisServer> {
    const server = await startOpenRedis([...REDIS_SETTINGS, ...settings]);
    this.#servers.push(server);
    if (server.process.pid !== undefined) pinProcess(core, server.process.pid);
    return server;
  }

  async contestant(spec: ContestantSpec): Promise<Contestant> {
    const contestant = await Contestant.start(spec, this.profileTo);
    this.#contestants.push(contestant);
    return contestant;
  }

  /** What was measured of a contestant. Where it missed the budget: with a profile of it at the same work. */
  async judged(measured: Measured, contestant: Contestant, work: () => Promise<unknown>): Promise<Measured> {
    if (verdict(budgetOf(measured.budget), measured) !== "miss") return measured;
    const whole = await contestant.profiled(work);
    const profile = `${measured.budget.replaceAll(".", "-")}.cpuprofile`;
    this.profiles.set(profile, smallProfile(whole));
    return { ...measured, profile, hottest: selfTimes(whole, HOTTEST_SHOWN).trimEnd().split("\n") };
  }

  /** Ends what was started. */
  async clear(): Promise<void> {
    for (const contestant of this.#contestants.splice(0)) await contestant.stop();
    for (const server of this.#servers.splice(0)) await server.stop();
  }
}
