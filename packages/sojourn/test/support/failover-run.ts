/** Failovers under load of two processes: what was acknowledged and lost, and how long what took. */

import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSessions } from "../../src/create-sessions.ts";
import type { Sessions } from "../../src/lifecycle/sessions.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { openFailoverClient } from "./failover-clients.ts";
import { clusterGround, type FaultName, type Ground, sentinelGround } from "./failover-ground.ts";
import { type Ending, type LoadReport, type Login, wallNow } from "./failover-load.ts";
import { allOf, type Found, resultOf, type RoundResult } from "./failover-result.ts";
import { TEST_SECRET } from "./secrets.ts";
import type { Address } from "./server-group.ts";
import { until } from "./until.ts";

export const FAILOVER_TOPOLOGIES = {
  Sentinel: { kinds: ["node-redis sentinel", "ioredis with sentinels"], start: sentinelGround },
  Cluster: { kinds: ["node-redis cluster", "ioredis Cluster"], start: clusterGround },
} as const;

const WARM_MS = 1_000;
/** Load goes on for so long on the new primary, and after the old one is back. */
const SERVED_MS = 1_000;
const BACK_MS = 1_000;
const PATIENCE_MS = 20_000;
const TOLD_MS = 10_000;
const CHECKED_AT_ONCE = 100;

class LoadProcess {
  /** When the latest ending was asked for that was acknowledged. */
  acknowledgedAt = 0;
  readonly #process: ChildProcess;
  #answered: (report: LoadReport | null) => void = () => undefined;

  constructor(process: ChildProcess, onEnded: (ending: Ending) => void) {
    this.#process = process;
    process.on("message", (message: { ended?: Ending; report?: LoadReport | null }) => {
      if (message.ended !== undefined) {
        this.acknowledgedAt = message.ended.begunAt;
        onEnded(message.ended);
      }
      if (message.report !== undefined) this.#answered(message.report);
    });
  }

  static async start(
    given: { readonly kind: string; readonly nodes: readonly Address[]; readonly replicas: number },
    onEnded: (by: LoadProcess, ending: Ending) => void,
  ) {
    const script = fileURLToPath(new URL("./failover-process.ts", import.meta.url));
    const execArgv = ["--disable-warning=ExperimentalWarning"];
    const child = fork(script, [given.kind, JSON.stringify(given.nodes), String(given.replicas)], { execArgv });
    const started: LoadProcess = new LoadProcess(child, (ending) => onEnded(started, ending));
    await started.#answer();
    return started;
  }

  async start(): Promise<void> {
    const answer = this.#answer();
    this.#process.send("start");
    await answer;
  }

  async stop(): Promise<LoadReport> {
    const answer = this.#answer();
    this.#process.send("stop");
    return (await answer) as LoadReport;
  }

  tell(ended: Ending): void {
    if (this.#process.connected) this.#process.send({ ended });
  }

  end(): void {
    this.#process.kill("SIGKILL");
  }

  #answer(): Promise<LoadReport | null> {
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }
}

/** Of two processes, one that waits for one replica with its durable endings, and one that waits for every one. */
export class FailoverRun {
  readonly #ground: Ground;
  readonly #processes: LoadProcess[] = [];
  readonly #looker: Sessions;
  readonly #closeLooker: () => unknown;
  #rounds = 0;

  private constructor(ground: Ground, looker: Sessions, closeLooker: () => unknown) {
    this.#ground = ground;
    this.#looker = looker;
    this.#closeLooker = closeLooker;
  }

  static async on(topology: keyof typeof FAILOVER_TOPOLOGIES, kind: string): Promise<FailoverRun> {
    const ground = await FAILOVER_TOPOLOGIES[topology].start();
    const { nodes } = ground.servers;
    const { client, close } = await openFailoverClient(kind, nodes);
    // It knows of no ending but what the server says.
    const looker = createSessions({ store: redisStore(client), secrets: [TEST_SECRET], background: false });
    const run = new FailoverRun(ground, looker, close);
    for (const replicas of [1, ground.replicas]) {
      run.#processes.push(await LoadProcess.start({ kind, nodes, replicas }, run.#ended));
    }
    return run;
  }

  /** A fault of the next primary in turn; the next of the faults unless one is given. */
  async round(given?: FaultName): Promise<RoundResult> {
    const ground = this.#ground;
    const round = this.#rounds++;
    await until(() => ground.isWhole());
    const before = await ground.primaries();
    const server = before[round % before.length] ?? 0;
    const fault = given ?? ground.faults[round % ground.faults.length] ?? "kill -9";
    const holds = await ground.holds(server);
    await Promise.all(this.#processes.map((each) => each.start()));
    await sleep(WARM_MS);
    const faultAt = await ground.begin(fault, server);
    const another = async (): Promise<number | undefined> =>
      (await ground.primaries()).find((each) => !before.includes(each));
    await until(async () => (await another()) !== undefined);
    const promotedAt = wallNow();
    const promoted = await another();
    await sleep(SERVED_MS);
    await ground.end(fault, server);
    await sleep(BACK_MS);
    await ground.rejoin(server);
    await until(() => ground.isWhole());
    // Whoever gets no write accepted in that time is shown by `firstWriteMs`.
    const areServed = async (): Promise<boolean> => this.#processes.every((each) => each.acknowledgedAt > promotedAt);
    await until(areServed).catch(() => undefined);
    await sleep(SERVED_MS);
    const reports = await Promise.all(this.#processes.map((each) => each.stop()));
    const again = (await another()) !== promoted;
    return { fault, again, ...(await this.#judged(reports, { faultAt, promotedAt, holds })) };
  }

  async close(): Promise<void> {
    for (const each of this.#processes) each.end();
    await this.#looker.close();
    await this.#closeLooker();
    await this.#ground.servers.stop();
  }

  readonly #ended = (by: LoadProcess, ending: Ending): void => {
    for (const each of this.#processes) if (each !== by) each.tell(ending);
  };

  async #judged(reports: readonly LoadReport[], round: Omit<Found, "undone" | "gone">) {
    const undone = await this.#undone(allOf(reports, "endings"));
    const live = new Set(allOf(reports, "live"));
    const unended = allOf(reports, "logins").filter(({ id }) => live.has(id));
    const unknown = await this.#valid(unended, false);
    const gone = new Set([...unknown.map(({ id }) => id), ...allOf(reports, "lost")]);
    return resultOf(reports, { ...round, undone, gone });
  }

  /** Ends that were acknowledged and do not hold, once processes had time to tell the server of them. */
  async #undone(endings: readonly Ending[]): Promise<ReadonlySet<string>> {
    let undone: readonly Login[] = endings;
    for (const giveUpAt = wallNow() + TOLD_MS; ; await sleep(100)) {
      undone = await this.#valid(undone, true);
      if (undone.length === 0 || wallNow() > giveUpAt) return new Set(undone.map(({ id }) => id));
    }
  }

  /** Those whose token the server takes for good, or does not. */
  async #valid(logins: readonly Login[], wanted: boolean): Promise<Login[]> {
    const found: Login[] = [];
    for (let at = 0; at < logins.length; at += CHECKED_AT_ONCE) {
      const some = logins.slice(at, at + CHECKED_AT_ONCE);
      const answers = await Promise.all(some.map(({ token }) => this.#asked(token)));
      found.push(...some.filter((_login, i) => answers[i] === wanted));
    }
    return found;
  }

  async #asked(token: string): Promise<boolean> {
    for (const giveUpAt = wallNow() + PATIENCE_MS; ; await sleep(50)) {
      try {
        return (await this.#looker.validate(token, { touch: false })).valid;
      } catch (error) {
        if (wallNow() > giveUpAt) throw error;
      }
    }
  }
}
