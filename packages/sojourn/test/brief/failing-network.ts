/** Tests of the brief behind a network that cuts, holds and repeats: with each Redis client, for only Redis has a network. */

import { expect } from "vitest";
import { createSessions, SojournError, type Sessions, StoreUnavailableError } from "../../src/index.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { IOREDIS, NODE_REDIS } from "../support/redis-clients.ts";
import { TEST_SECRET } from "../support/secrets.ts";
import { onRedis, type RedisPlace } from "./engines.ts";

export interface FailingPlace extends RedisPlace {
  /** An application server that reaches Redis through the proxy; `sessions` is one that reaches it directly. */
  readonly remote: Sessions;
  readonly proxy: CuttingProxy;
  /** Its client executes again what was in flight when the connection broke. */
  readonly resends: boolean;
  connectedAgain(): Promise<void>;
}

/** A test that runs once with each client, on data of its own. */
export function onFailingRedis(title: string, run: (place: FailingPlace) => Promise<void>): void {
  for (const kind of [NODE_REDIS, IOREDIS]) {
    onRedis(`${title} [${kind.name}]`, async (place) => {
      const proxy = await CuttingProxy.before(place.port);
      const opened = await kind.open(proxy.port);
      const { clock } = place;
      const remote = createSessions({ store: place.storeOn(opened.client), clock, secrets: [TEST_SECRET] });
      const connectedAgain = async (): Promise<void> => {
        await expect.poll(opened.isReady, { interval: 5 }).toBe(true);
      };
      try {
        await remote.ready();
        await run({ ...place, remote, proxy, resends: kind.resends, connectedAgain });
      } finally {
        await remote.close();
        opened.close();
        await proxy.close();
      }
    });
  }
}

/** What a caller was told: the answer, `"unknown"`, or the code of another error. */
export async function toldOf(call: PromiseLike<unknown> | null): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof StoreUnavailableError) return error.outcome;
    if (error instanceof SojournError) return error.code;
    throw error;
  }
}
