/**
 * A Redis client that loses, holds and repeats the scripts it is to send: above the client, so that a fault costs
 * nothing, and on the commands as they are, so that what arrives late is what was sent.
 */

import { createHash } from "node:crypto";
import type { Clock } from "../../../src/clock.ts";
import type { Argument } from "../../../src/stores/redis/driver.ts";
import type { IoredisClient } from "../../../src/stores/redis/drivers/ioredis.ts";
import type { NodeRedisClient } from "../../../src/stores/redis/drivers/node-redis.ts";
import { type ScriptName, SCRIPTS } from "../../../src/stores/redis/scripts.generated.ts";
import { GRAIN_MS, SLACK_MS } from "../grid.ts";
import type { Network } from "../network.ts";

type Send = (args: readonly Argument[]) => Promise<unknown>;

/** Changes what a script does. */
export type Rewrite = (source: string, name: ScriptName) => string;

/** A script as it is run here. */
export interface RunScript {
  readonly name: ScriptName;
  readonly sha1: string;
  readonly source: string;
}

/** By the digest that the engine knows. */
export function scriptsRun(rewrite: Rewrite = (source) => source): ReadonlyMap<string, RunScript> {
  const names = Object.keys(SCRIPTS) as ScriptName[];
  return new Map(
    names.map((name) => {
      const source = rewrite(withSteppedTime(SCRIPTS[name].source), name);
      return [SCRIPTS[name].sha1, { name, source, sha1: digestOf(source) }];
    }),
  );
}

export class Seam {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #scripts: ReadonlyMap<string, RunScript>;
  readonly #onTheirWay = new Set<Promise<unknown>>();

  constructor(network: Network, clock: Clock, scripts: ReadonlyMap<string, RunScript>) {
    this.#network = network;
    this.#clock = clock;
    this.#scripts = scripts;
  }

  nodeRedis(client: NodeRedisClient): NodeRedisClient {
    return {
      get isOpen() {
        return client.isOpen;
      },
      get isReady() {
        return client.isReady;
      },
      sendCommand: (args, options) => this.#pass(args, (each) => client.sendCommand(each, options)),
      ...readyEvents(client),
    };
  }

  ioredis(client: IoredisClient): IoredisClient {
    const send: Send = ([command = "", ...args]) => {
      const method: unknown = Reflect.get(client, `${command.toString().toLowerCase()}Buffer`);
      if (typeof method !== "function") return client.callBuffer(command.toString(), ...args);
      return Reflect.apply(method as IoredisClient["callBuffer"], client, args);
    };
    return {
      get status() {
        return client.status;
      },
      callBuffer: (...args) => this.#pass(args, send),
      ...readyEvents(client),
    };
  }

  get isIdle(): boolean {
    return this.#onTheirWay.size === 0;
  }

  /**
   * When no command is on its way. A clock that is set forward meanwhile would make the round trip of a background
   * check of the server's time as long as the step.
   */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#onTheirWay);
  }

  #pass(args: readonly Argument[], send: Send): Promise<unknown> {
    const passed = this.#conveyed(args, send);
    this.#onTheirWay.add(passed);
    const arrived = (): void => void this.#onTheirWay.delete(passed);
    passed.then(arrived, arrived);
    return passed;
  }

  #conveyed(args: readonly Argument[], send: Send): Promise<unknown> {
    const [command, which = ""] = args;
    if (command === "SCRIPT") return send(this.#rewritten(args));
    if (command !== "EVALSHA" && command !== "EVAL") return send(args);
    const digest = command === "EVAL" ? digestOf(which) : which.toString();
    const script = this.#scripts.get(digest);
    if (script === undefined) throw new Error(`a script that nobody knows: ${digest}`);
    const sent = args.with(1, command === "EVAL" ? script.source : script.sha1);
    const later = async (): Promise<boolean> => {
      await send(["SCRIPT", "LOAD", script.source]);
      return isLate(await send(this.#arrivingNow(args.with(0, "EVALSHA").with(1, script.sha1))));
    };
    return this.#network.convey(() => send(sent), later);
  }

  #rewritten(args: readonly Argument[]): readonly Argument[] {
    if (args[1] !== "LOAD") return args;
    return args.with(2, this.#scripts.get(digestOf(args[2] ?? ""))?.source ?? "");
  }

  /** While a message was on its way the clock went on: a server's by itself, this one's by what is added to it. */
  #arrivingNow(args: readonly Argument[]): readonly Argument[] {
    const shiftAt = 3 + Number(args[2]) + 1;
    return args.with(shiftAt, String(this.#clock.shift()));
  }
}

function digestOf(source: Argument): string {
  return createHash("sha1").update(source).digest("hex");
}

interface ReadyEvents {
  on(event: "ready", listener: () => void): unknown;
  off(event: "ready", listener: () => void): unknown;
}

function readyEvents(client: object): ReadyEvents {
  const emitter = client as ReadyEvents;
  return {
    on: (event, listener) => emitter.on(event, listener),
    off: (event, listener) => emitter.off(event, listener),
  };
}

const SERVER_TIME = "time[1] * 1000 + math.floor(time[2] / 1000) + shift";

/** The server's clock goes on while a run lasts: scripts see it stand still, as every other engine does. */
function withSteppedTime(source: string): string {
  const stepped = `math.floor((${SERVER_TIME} + ${SLACK_MS}) / ${GRAIN_MS}) * ${GRAIN_MS}`;
  if (!source.includes(SERVER_TIME)) throw new Error("a script that tells the time in other words");
  return source.replace(SERVER_TIME, stepped);
}

function isLate(reply: unknown): boolean {
  return Array.isArray(reply) && String(reply[0]) === "late";
}
