/** What `onUnavailable: "stale"` risks, and for how long, with each client; what the process heard of is not among it. Takes real time. */

import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createSessions, type Sessions, type Store } from "../../src/index.ts";
import { redisStore } from "../../src/stores/redis/index.ts";
import { CuttingProxy } from "../support/cutting-proxy.ts";
import { type ClientKind, IOREDIS, NODE_REDIS } from "../support/redis-clients.ts";
import { startRedis } from "../support/redis-server.ts";
import { TEST_SECRET } from "../support/secrets.ts";

const LEASE_MS = 20;
const STALE_MS = 3_000;
const UNAVAILABLE = { code: "store_unavailable" };

interface Servers {
  /** Shows stale pages, and reaches Redis through the proxy. */
  readonly cut: Sessions;
  readonly store: Store;
  readonly proxy: CuttingProxy;
  readonly elsewhere: Sessions;
}

async function servers(kind: ClientKind): Promise<Servers> {
  const server = await startRedis();
  const proxy = await CuttingProxy.before(server.port);
  const clients = [await kind.open(proxy.port), await kind.open(server.port)] as const;
  const store = redisStore(clients[0].client, { nearCache: { leaseMs: LEASE_MS } });
  const options = { secrets: [TEST_SECRET], log: () => undefined };
  const cut = createSessions({ store, onUnavailable: "stale", staleFor: `${STALE_MS}ms`, ...options });
  const elsewhere = createSessions({ store: redisStore(clients[1].client), ...options });
  onTestFinished(async () => {
    await Promise.all([cut.close(), elsewhere.close()]);
    for (const client of clients) client.close();
    await proxy.close();
    await server.stop();
  });
  return { cut, store, proxy, elsewhere };
}

/** Begins sessions and has the process read them, at a time when it hears of changes. */
async function known({ cut, store, elsewhere }: Servers, count: number) {
  const made = await Promise.all(Array.from({ length: count }, () => elsewhere.create({ userId: "ada" })));
  let readBefore = 0;
  const size = async (): Promise<number | undefined> => {
    await sleep(2 * LEASE_MS);
    for (const { token } of made) await cut.validate(token);
    readBefore = performance.now();
    return store.nearCache?.size;
  };
  await expect.poll(size, { timeout: 5_000 }).toBe(count);
  return { made, readBefore };
}

const answer = (sessions: Sessions, token = ""): Promise<unknown> =>
  sessions.validate(token).catch((error: unknown) => error);

test.each([NODE_REDIS, IOREDIS])(
  "M4 stale ($name): a revocation that the process was cut off from is unseen for staleFor, one that it heard is seen",
  async (kind) => {
    const all = await servers(kind);
    const { cut, store, proxy, elsewhere } = all;
    const { made, readBefore } = await known(all, 2);
    const [unheard, heard] = made;
    await elsewhere.revoke(heard?.session.id ?? "");
    await expect.poll(() => store.nearCache?.size).toBe(1);
    proxy.muteSubscribers();
    proxy.freeze();
    await elsewhere.revoke(unheard?.session.id ?? "");
    expect(await answer(cut, heard?.token)).toMatchObject(UNAVAILABLE);
    expect(await answer(cut, unheard?.token)).toMatchObject({ valid: true, stale: true });
    await sleep(readBefore + STALE_MS - performance.now() + 1);
    expect(await answer(cut, unheard?.token)).toMatchObject(UNAVAILABLE);
    proxy.thaw();
    proxy.unmuteSubscribers();
    await expect
      .poll(() => answer(cut, unheard?.token), { timeout: 5_000 })
      .toMatchObject({ valid: false, reason: "revoked" });
  },
);

test.each([NODE_REDIS, IOREDIS])(
  "M4 stale ($name): once Redis answered while nothing was heard, nothing from before is shown, though it is lost again",
  async (kind) => {
    const all = await servers(kind);
    const { cut, proxy } = all;
    const { made } = await known(all, 2);
    const [asked, other] = made;
    proxy.muteSubscribers();
    proxy.cutSubscribers();
    await sleep(2 * LEASE_MS);
    expect(await answer(cut, asked?.token)).not.toHaveProperty("stale");
    proxy.freeze();
    expect(await answer(cut, other?.token)).toMatchObject(UNAVAILABLE);
  },
);
