/** An application under load while its Redis is frozen: what each request was answered, and what was written all the same. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createSessions } from "../../src/create-sessions.ts";
import { DEFAULTS } from "../../src/options.ts";
import { FENCE_SLACK_MS } from "../../src/store/write-call.ts";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { PATIENT, type RedisServer, startRedis } from "./redis-server.ts";
import { TEST_SECRET } from "./secrets.ts";

const USERS = 50;
/** Of so many requests one writes. */
const WRITES = 5;
const WARM_MS = 2_000;
const AFTER_MS = 2_500;

export interface FreezeOptions {
  readonly client: string;
  readonly frozenMs: number;
  readonly perSecond: number;
}

interface Answered {
  readonly mark: string | null;
  readonly user: number;
  readonly sentAt: number;
  readonly ms: number;
  /** 0: none, the connection broke. */
  readonly status: number;
  readonly retryAfter: string | undefined;
}

export interface FreezeResult {
  /** How many requests were answered with each status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly withoutRetryAfter: number;
  readonly worstReadMs: number;
  readonly worstWriteMs: number;
  /** From the thaw until a request sent after it was answered 200; null: none was. */
  readonly recoveryMs: number | null;
  readonly grownBytes: number;
  readonly logLines: readonly string[];
  readonly unhandledRejections: number;
  /** Writes that were acknowledged, and those of them that are not there. */
  readonly acknowledged: number;
  readonly lost: number;
  /** Writes that were told 503 and are there all the same, and those of them that were past their `notAfter`. */
  readonly landed: number;
  readonly landedLate: number;
}

/** Starts a server and an application of its own, and ends them. */
export async function freezeUnderLoad(options: FreezeOptions): Promise<FreezeResult> {
  const redis = await startRedis();
  const app = await App.start(options.client, redis.port);
  try {
    const cookies = await app.logins();
    const load = new Load(app.port, cookies);
    load.start(options.perSecond);
    await sleep(WARM_MS);
    const before = (await app.asked()).rss;
    const frozenAt = performance.now();
    redis.process.kill("SIGSTOP");
    let most = before;
    for (let passed = 0; passed < options.frozenMs; passed = performance.now() - frozenAt) {
      await sleep(Math.min(200, options.frozenMs - passed));
      most = Math.max(most, (await app.asked()).rss);
    }
    redis.process.kill("SIGCONT");
    const thawedAt = performance.now();
    await sleep(AFTER_MS);
    const answers = await load.stop();
    const { unhandled } = await app.asked();
    const marks = await marksIn(redis);
    return {
      ...summary(answers),
      ...writesOf(answers, marks, { frozenAt, thawedAt }),
      recoveryMs: recoveryOf(answers, thawedAt),
      grownBytes: most - before,
      logLines: app.logLines(),
      unhandledRejections: unhandled,
    };
  } finally {
    app.stop();
    redis.process.kill("SIGCONT");
    await redis.stop();
  }
}

class App {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #output: string[];

  private constructor(process: ChildProcess, port: number, output: string[]) {
    this.#process = process;
    this.port = port;
    this.#output = output;
  }

  static async start(client: string, redisPort: number): Promise<App> {
    const script = fileURLToPath(new URL("./freeze-app.ts", import.meta.url));
    const execArgv = ["--disable-warning=ExperimentalWarning"];
    const process = fork(script, [client, String(redisPort)], { execArgv, silent: true });
    const output: string[] = [];
    for (const stream of [process.stdout, process.stderr]) stream?.on("data", (text) => output.push(String(text)));
    const [port] = (await once(process, "message")) as [number];
    return new App(process, port, output);
  }

  async logins(): Promise<string[]> {
    const cookies: string[] = [];
    for (let i = 0; i < USERS; i++) {
      const origin = `http://127.0.0.1:${this.port}`;
      const reply = await fetch(`${origin}/login/user-${i}`, { method: "POST", headers: { Origin: origin } });
      cookies.push(reply.headers.get("set-cookie")?.split(";")[0] ?? "");
    }
    this.#output.length = 0;
    return cookies;
  }

  async asked(): Promise<{ rss: number; unhandled: number }> {
    this.#process.send("numbers");
    return ((await once(this.#process, "message")) as [{ rss: number; unhandled: number }])[0];
  }

  logLines(): string[] {
    return this.#output
      .join("")
      .split("\n")
      .filter((line) => line !== "");
  }

  stop(): void {
    this.#process.kill("SIGKILL");
  }
}

/** Sends so many requests a second, whatever becomes of those before. */
class Load {
  readonly #port: number;
  readonly #cookies: readonly string[];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #answers: Promise<Answered>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number, cookies: readonly string[]) {
    this.#port = port;
    this.#cookies = cookies;
  }

  start(perSecond: number): void {
    const from = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - from) / 1000) * perSecond;
      while (this.#answers.length < due) this.#answers.push(this.#sent(this.#answers.length));
    }, 2);
  }

  async stop(): Promise<readonly Answered[]> {
    clearInterval(this.#timer);
    const answers = await Promise.all(this.#answers);
    this.#agent.destroy();
    return answers;
  }

  #sent(number: number): Promise<Answered> {
    const user = number % USERS;
    const mark = number % WRITES === Math.floor(number / USERS) % WRITES ? `m${number}` : null;
    const sentAt = performance.now();
    const headers = { Cookie: this.#cookies[user] ?? "", Origin: `http://127.0.0.1:${this.#port}` };
    const path = mark === null ? "/look" : `/mark/${mark}`;
    return new Promise((resolve) => {
      const answered = (status: number, retryAfter?: string): void =>
        resolve({ mark, user, sentAt, ms: performance.now() - sentAt, status, retryAfter });
      const method = mark === null ? "GET" : "POST";
      const sending = request({ port: this.#port, host: "127.0.0.1", path, method, headers, agent: this.#agent });
      sending.on("response", (reply) => {
        reply.resume().on("end", () => answered(reply.statusCode ?? 0, reply.headers["retry-after"]));
      });
      sending.on("error", () => answered(0)).end();
    });
  }
}

async function marksIn(redis: RedisServer): Promise<ReadonlySet<string>> {
  const store = redisStore(await redis.client(), { deadline: PATIENT });
  const sessions = createSessions({ store, secrets: [TEST_SECRET], reaper: false });
  const found = new Set<string>();
  for (let i = 0; i < USERS; i++) {
    for (const session of await sessions.list(`user-${i}`)) {
      for (const name of Object.keys(session.data)) found.add(name);
    }
  }
  await sessions.close();
  return found;
}

function summary(answers: readonly Answered[]) {
  const statuses: Record<string, number> = {};
  for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
  const worst = (some: readonly Answered[]): number => some.reduce((most, { ms }) => Math.max(most, ms), 0);
  return {
    statuses,
    withoutRetryAfter: answers.filter(({ status, retryAfter }) => status === 503 && retryAfter === undefined).length,
    worstReadMs: worst(answers.filter(({ mark }) => mark === null)),
    worstWriteMs: worst(answers.filter(({ mark }) => mark !== null)),
  };
}

function recoveryOf(answers: readonly Answered[], thawedAt: number): number | null {
  const after = answers.filter(({ status, sentAt }) => status === 200 && sentAt >= thawedAt);
  return after.length === 0 ? null : Math.min(...after.map(({ sentAt, ms }) => sentAt + ms)) - thawedAt;
}

function writesOf(
  answers: readonly Answered[],
  marks: ReadonlySet<string>,
  { frozenAt, thawedAt }: { readonly frozenAt: number; readonly thawedAt: number },
) {
  const writes = answers.filter(({ mark }) => mark !== null);
  const isThere = ({ mark }: Answered): boolean => marks.has(mark ?? "");
  const acknowledged = writes.filter(({ status }) => status === 200);
  const landed = writes.filter((write) => write.status !== 200 && isThere(write));
  // Nothing runs in a frozen server, so it ran after the thaw, or before the server froze.
  const notAfterMs = DEFAULTS.readDeadlineMs + DEFAULTS.writeDeadlineMs + FENCE_SLACK_MS;
  const isLate = ({ sentAt }: Answered): boolean => sentAt > frozenAt && sentAt + notAfterMs < thawedAt;
  return {
    acknowledged: acknowledged.length,
    lost: acknowledged.filter((write) => !isThere(write)).length,
    landed: landed.length,
    landedLate: landed.filter(isLate).length,
  };
}
