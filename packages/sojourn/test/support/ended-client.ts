/** What a store does whose client has ended: the application closed it, or it gave up. */

import { setImmediate } from "node:timers/promises";
import { expect, vi } from "vitest";
import { redisStore } from "../../src/stores/redis/redis-store.ts";
import { PATIENT } from "./redis-server.ts";
import type { Opened } from "./topology-clients.ts";

const UNKNOWN_ID = "AAAAAAAAAAAAAAAAAAAAAA";

/** Ends the client, tries calls, connects it and tries again; leaves it closed. */
export async function expectToldOfEnd({ client, close }: Opened): Promise<void> {
  const store = redisStore(client, { deadline: PATIENT });
  const call = (): Promise<unknown> => store.read(UNKNOWN_ID).catch((error: unknown) => error);
  const before = await call();
  await close();
  const ended = { code: "store_unavailable", reason: "connection", outcome: "not_executed" };
  const message = expect.stringMatching(/client has ended/) as string;
  await vi.waitFor(async () => expect(await call()).toMatchObject({ ...ended, message }), 5_000);
  // At once: before anything else that is due.
  const writing = store.revoke({ id: UNKNOWN_ID, reason: "test", actor: null }).catch((error: unknown) => error);
  expect(await Promise.race([writing, setImmediate("late")])).toMatchObject({ ...ended, message });
  await (client as unknown as { connect(): Promise<unknown> }).connect();
  await vi.waitFor(async () => expect(await call()).toEqual(before), 5_000);
  await store.close();
  await close();
}
