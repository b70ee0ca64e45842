/** Asks every primary about itself and judges the answers; the store's own facts besides. Nothing is changed. */

import type { Clock } from "../../../clock.ts";
import { ConfigError, StoreClosedError, StoreUnavailableError } from "../../../errors.ts";
import { type CheckName, type Finding, problem, type Verdict, warning, well } from "../../../store/diagnosis.ts";
import type { Keys } from "../keys.ts";
import { LAYOUT, type Preparation } from "../preparation.ts";
import type { RedisConnection } from "../redis-connection.ts";
import { clock, idleTimeout, latency, rights, subscribers } from "./connection-checks.ts";
import { eviction, memory, persistence } from "./durability-checks.ts";
import { cluster, replicas, server } from "./server-checks.ts";
import { type ServerReport, serverReports } from "./server-report.ts";

export interface DiagnosisParts {
  readonly redis: RedisConnection;
  readonly preparation: Preparation;
  readonly clock: Clock;
  readonly keys: Keys;
}

interface ClockSample {
  readonly offsetMs: number;
  readonly at: number;
}

/** Any bucket does. */
const PROBED_BUCKET = 0;

export class Diagnosis {
  readonly #parts: DiagnosisParts;
  /** By run id: how far each server's clock was from ours when it was looked at first. */
  readonly #clocks = new Map<string, ClockSample>();

  constructor(parts: DiagnosisParts) {
    this.#parts = parts;
  }

  /** @throws StoreClosedError */
  async findings(): Promise<Finding[]> {
    const { redis } = this.#parts;
    try {
      const reports = await serverReports(redis, this.#parts.clock);
      const answering = reports.filter(({ failure }) => failure === null);
      if (answering.length === 0) return [connection(reports)];
      const own = [connection(reports), await this.#namespace(), await this.#scripts()];
      const lacksRights = own.some(({ check }) => check === "rights");
      return [...own, ...this.#judged(answering).filter(({ check }) => !(lacksRights && check === "rights"))];
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return [unreachable(error.message)];
    }
  }

  #judged(reports: readonly ServerReport[]): Finding[] {
    const { redis } = this.#parts;
    const verdicts = reports.map(
      (report): Record<string, Verdict | null> => ({
        ...(report.info.size === 0 ? unasked() : fromInfo(report, redis.isCluster)),
        latency: latency(report, redis.deadlines.readMs),
        clock: clock(report, this.#moved(report)),
        rights: rights(report),
        subscribers: subscribers(report),
        idleTimeout: idleTimeout(report),
      }),
    );
    const names = Object.keys(verdicts[0] ?? {}) as CheckName[];
    const ports = reports.map(({ info }) => info.get("tcp_port") ?? "?");
    return names.flatMap((check) =>
      merged(
        check,
        verdicts.map((each) => each[check] ?? null),
        ports,
      ),
    );
  }

  #moved({ info, clockOffsetMs }: ServerReport): { ms: number; inMs: number } | null {
    if (clockOffsetMs === null) return null;
    const [runId, at] = [info.get("run_id") ?? "", this.#parts.clock.monotonic()];
    const first = this.#clocks.get(runId);
    if (first !== undefined) return { ms: clockOffsetMs - first.offsetMs, inMs: at - first.at };
    this.#clocks.set(runId, { offsetMs: clockOffsetMs, at });
    return null;
  }

  /** Salt and layout, and what `ready()` finds besides. */
  async #namespace(): Promise<Finding> {
    const { keys, preparation, redis } = this.#parts;
    const reply = await redis.read(keys.facts(), ["HGET", keys.facts(), "layout"]).catch(() => null);
    const layout = reply === null ? LAYOUT : String(reply);
    if (layout !== LAYOUT) {
      const found = `key layout ${layout}; this version of Sojourn knows layout ${LAYOUT}`;
      return { check: "namespace", ...problem(found, "Use the version that wrote it, or another namespace.") };
    }
    try {
      await preparation.facts();
      return { check: "namespace", ...well(`key layout ${layout}, and a salt`) };
    } catch (error) {
      return refusal(error);
    }
  }

  async #scripts(): Promise<Finding> {
    const { clock: own, keys, redis } = this.#parts;
    try {
      await redis.script("probe", [keys.totals(PROBED_BUCKET)], [String(own.shift()), keys.events(PROBED_BUCKET)]);
      return { check: "scripts", ...well("run, and reach every key of their bucket") };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const fix =
        "Use a server that runs Lua scripts (EVALSHA), lets them use keys that were not declared (Dragonfly: --default_lua_flags=allow-undeclared-keys), and a user that may do what deploy/redis/users.acl says.";
      return { check: "scripts", ...problem(error.message, fix) };
    }
  }
}

function connection(reports: readonly ServerReport[]): Finding {
  const silent = reports.find(({ failure }) => failure !== null);
  if (silent !== undefined) return unreachable(silent.failure ?? "");
  return { check: "connection", ...well(reports.length === 1 ? "it answers" : `${reports.length} primaries answer`) };
}

function unreachable(message: string): Finding {
  const fix = "See whether the server runs, and whether address, TLS and password of the client are right.";
  return { check: "connection", ...problem(message, fix) };
}

function refusal(error: unknown): Finding {
  if (error instanceof StoreClosedError) throw error;
  if (error instanceof ConfigError || (error instanceof StoreUnavailableError && error.reason === "denied")) {
    const fix = "Give the user the rights of deploy/redis/users.acl, with your namespace.";
    return { check: "rights", ...problem(error.message, fix) };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    check: "namespace",
    ...problem(message, "No call will succeed until that is mended: see the other findings."),
  };
}

function fromInfo(report: ServerReport, isCluster: boolean): Record<string, Verdict | null> {
  return {
    server: server(report),
    cluster: cluster(report, isCluster),
    replicas: replicas(report),
    eviction: eviction(report),
    memory: memory(report),
    persistence: persistence(report),
  };
}

function unasked(): Record<string, Verdict> {
  const unknown = warning("not known: the user may not ask", "Allow +info in its ACL.");
  return { server: unknown, replicas: unknown, eviction: unknown, memory: unknown, persistence: unknown };
}

/** What all primaries say alike is said once. */
function merged(check: CheckName, verdicts: readonly (Verdict | null)[], ports: readonly string[]): Finding[] {
  const alike = Map.groupBy(verdicts.keys(), (i) => JSON.stringify(verdicts[i]));
  return [...alike.values()].flatMap((members) => {
    const verdict = verdicts[members[0] ?? 0] ?? null;
    if (verdict === null) return [];
    if (alike.size === 1) return [{ check, ...verdict }];
    const where = `port${members.length === 1 ? "" : "s"} ${members.map((i) => ports[i]).join(", ")}`;
    return [{ check, ...verdict, found: `${where}: ${verdict.found}` }];
  });
}
