import { once } from "node:events";
import { Redis } from "ioredis";
import type { Store } from "../../../src/store/store.ts";
import { redisStore } from "../../../src/stores/redis/redis-store.ts";
import { ageRedisKeys } from "../../../src/testing/manual-clock.ts";
import { PATIENT, type RedisServer, startRedis, type TestClient } from "../../support/redis-server.ts";
import { SteppedClock } from "../grid.ts";
import { Network } from "../network.ts";
import type { EngineUnderTest, Subject } from "../subject.ts";
import { type Rewrite, Seam } from "./redis-seam.ts";

export type RedisClientName = "node-redis" | "ioredis";

type Wrapped = (seam: Seam) => ReturnType<Seam["nodeRedis"]> | ReturnType<Seam["ioredis"]>;

/** A server of its own, and two clients of it. */
export async function redisEngine(name: RedisClientName, rewrite?: Rewrite): Promise<EngineUnderTest> {
  const server = await startRedis();
  const admin = await server.client();
  const clients = await Promise.all([connected(name, server), connected(name, server)]);
  let places = 0;
  return {
    name: `redis (${name})`,
    async open() {
      await admin.flushAll();
      return opened(`model-${++places}`, admin, [clients[0].wrapped, clients[1].wrapped], rewrite);
    },
    async close() {
      for (const client of clients) client.close();
      await server.stop();
    },
  };
}

async function connected(name: RedisClientName, server: RedisServer): Promise<{ wrapped: Wrapped; close(): void }> {
  if (name === "node-redis") {
    const client = await server.client();
    return { wrapped: (seam) => seam.nodeRedis(client), close: () => undefined };
  }
  const client = new Redis(server.port, "127.0.0.1");
  await once(client, "ready");
  return { wrapped: (seam) => seam.ioredis(client), close: () => client.disconnect() };
}

async function opened(
  namespace: string,
  admin: TestClient,
  clients: readonly [Wrapped, Wrapped],
  rewrite: Rewrite | undefined,
): Promise<Subject> {
  const [clock, network] = [new SteppedClock(), new Network()];
  const seam = new Seam(network, clock, rewrite);
  const open = (wrapped: Wrapped): Store => redisStore(wrapped(seam), { namespace, clock, deadline: PATIENT });
  const stores: [Store, Store] = [open(clients[0]), open(clients[1])];
  const age = ageRedisKeys(admin);
  return {
    traits: {
      operationIds: true,
      revokesInSteps: true,
      restarts: true,
      scripts: true,
      writeDeadlineMs: PATIENT.writeMs,
    },
    clock,
    network,
    stores,
    async step(steps) {
      await seam.idle();
      await age(clock.step(steps));
    },
    async restart(which) {
      await stores[which].close();
      stores[which] = open(clients[which]);
    },
    forgetScripts: async () => void (await admin.sendCommand(["SCRIPT", "FLUSH"])),
    async close() {
      await seam.idle();
      await Promise.all(stores.map((store) => store.close()));
    },
  };
}
