/** Redis with each client: a server of its own, and two clients of it. */

import type { Store } from "../../../src/store/store.ts";
import type { IoredisClient } from "../../../src/stores/redis/drivers/ioredis.ts";
import type { NodeRedisClient } from "../../../src/stores/redis/drivers/node-redis.ts";
import { redisStore } from "../../../src/stores/redis/redis-store.ts";
import { ageRedisKeys } from "../../../src/testing/manual-clock.ts";
import { IOREDIS, NODE_REDIS, type OpenedClient } from "../../support/redis-clients.ts";
import { PATIENT, startRedis, type TestClient } from "../../support/redis-server.ts";
import { inNamespace } from "../../support/redis-user.ts";
import { SteppedClock } from "../grid.ts";
import { type Faults, Network } from "../network.ts";
import type { EngineUnderTest, Subject } from "../subject.ts";
import { CutNetwork } from "./cut-network.ts";
import type { Holder } from "./faulty-store.ts";
import { type Rewrite, type RunScript, scriptsRun, Seam } from "./redis-seam.ts";

export type RedisClientName = "node-redis" | "ioredis";

export interface RedisEngineOptions {
  readonly rewrite?: Rewrite;
  /** Whether connections are cut for real, between client and server. Default: messages are lost above the client. */
  readonly cuts?: boolean;
}

interface Place {
  readonly namespace: string;
  readonly name: RedisClientName;
  readonly admin: TestClient;
  readonly clients: readonly [OpenedClient, OpenedClient];
  readonly cutNetwork: CutNetwork | null;
  readonly scripts: ReadonlyMap<string, RunScript>;
}

export async function redisEngine(name: RedisClientName, options: RedisEngineOptions = {}): Promise<EngineUnderTest> {
  const server = await startRedis();
  const admin = await server.admin();
  const kind = name === "ioredis" ? IOREDIS : NODE_REDIS;
  const scripts = scriptsRun(options.rewrite);
  const cutNetwork = options.cuts === true ? await CutNetwork.before(server.port, kind.resends, scripts) : null;
  const port = cutNetwork?.port ?? server.port;
  const clients = [await kind.open(port), await kind.open(port)] as const;
  let places = 0;
  return {
    name: `redis (${name}${cutNetwork === null ? "" : ", connections cut"})`,
    async open() {
      await admin.flushAll();
      const namespace = `model-${++places}`;
      await server.allow(...inNamespace(namespace));
      return opened({ namespace, name, admin, clients, cutNetwork, scripts });
    },
    async close() {
      for (const client of clients) client.close();
      await cutNetwork?.close();
      await server.stop();
    },
  };
}

async function opened({ namespace, name, admin, clients, cutNetwork, scripts }: Place): Promise<Subject> {
  const [clock, made] = [new SteppedClock(), new Network()];
  const seam = new Seam(made, clock, scripts);
  const network: Faults = cutNetwork ?? made;
  const open = ({ client }: OpenedClient): Store =>
    redisStore(name === "ioredis" ? seam.ioredis(client as IoredisClient) : seam.nodeRedis(client as NodeRedisClient), {
      namespace,
      clock,
      deadline: PATIENT,
    });
  const holders: readonly [Holder, Holder] = [{ store: open(clients[0]) }, { store: open(clients[1]) }];
  const stores = [whenReady(holders[0], clients[0]), whenReady(holders[1], clients[1])] as const;
  const age = ageRedisKeys(admin);
  const step = async (steps: number): Promise<void> => {
    await seam.idle();
    await age(clock.step(steps));
  };
  return {
    traits: {
      operationIds: true,
      revokesInSteps: true,
      holds: cutNetwork === null,
      restarts: true,
      // An order to cut falls on a script that is executed, not on one that the server does not know.
      scripts: cutNetwork === null,
      writeDeadlineMs: PATIENT.writeMs,
    },
    clock,
    network,
    stores,
    step,
    async waitingFor(work) {
      const waiting = { isOver: false };
      const over = (): void => void (waiting.isOver = true);
      work.then(over, over);
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (waiting.isOver) return work;
        // With nothing on its way between two turns it waits for the clock.
        if (seam.isIdle) await step(1);
      }
    },
    async restart(which) {
      await holders[which].store.close();
      holders[which].store = open(clients[which]);
    },
    forgetScripts: async () => void (await admin.sendCommand(["SCRIPT", "FLUSH"])),
    async close() {
      await seam.idle();
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}

/** Calls wait for a client that is connecting again: that a store fails fast meanwhile is another test's. */
function whenReady(holder: Holder, client: OpenedClient): Store {
  return new Proxy(holder.store, {
    get(_, name) {
      const member: unknown = Reflect.get(holder.store, name);
      if (typeof member !== "function") return member;
      if (name === "now") return () => holder.store.now();
      return async (...args: unknown[]): Promise<unknown> => {
        while (!client.isReady()) await new Promise((resolve) => setTimeout(resolve, 1));
        const operation: unknown = Reflect.get(holder.store, name);
        return typeof operation === "function" ? Reflect.apply(operation, holder.store, args) : undefined;
      };
    },
  });
}
