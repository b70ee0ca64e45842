/** What is asked of a store, held against the model and the ledger. */

import type { Store } from "../../src/store/store.ts";
import { EXPIRED } from "./model.ts";
import { checkIndexes, checkPages } from "./upkeep.ts";
import { requireSame, Violation } from "./violation.ts";
import { readIn, viewOfRead, viewOfRecord, viewOfSession } from "./view.ts";
import { type KnownSession, USERS, type World } from "./world.ts";

/** @throws Violation */
export async function checkRead(world: World, store: Store, session: KnownSession): Promise<void> {
  const seen = viewOfRead(await store.read(session.id));
  if ("data" in seen) world.ledger.checkRecord(session.id, session.name, seen["data"] as Record<string, unknown>);
  requireSame(`read ${session.name}`, seen, readIn(world.model, session.id));
}

/** @throws Violation */
export async function checkList(world: World, store: Store, user: string): Promise<void> {
  const listed = await store.listUser(world.userKey(user));
  const seen = listed.map(({ id, record }) => ({ name: world.nameOf(id), id, ...viewOfRecord(record) }));
  for (const { id, name, data } of seen as { id: string; name: string; data: Record<string, unknown> }[]) {
    world.ledger.checkRecord(id, name, data);
  }
  const expected = world.model.allLive().filter((session) => session.user === user);
  requireSame(
    `list ${user}`,
    sorted(seen),
    sorted(expected.map((session) => ({ name: world.nameOf(session.id), id: session.id, ...viewOfSession(session) }))),
  );
}

function sorted<T extends { readonly id: string }>(sessions: readonly T[]): T[] {
  return sessions.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** @throws Violation */
export async function checkActivities(world: World, store: Store, { id, name }: KnownSession): Promise<void> {
  requireSame(`activities of ${name}`, await store.listActivity(id), world.model.activitiesOf(id));
}

/** @throws Violation */
export async function checkCounts(world: World, store: Store): Promise<void> {
  const live = world.model.allLive();
  const users = new Set(live.flatMap(({ user }) => user ?? []));
  const counted = { sessions: await store.count(), users: await store.countUsers() };
  requireSame("count", counted, { sessions: live.length, users: users.size });
  const { created, ended } = await store.totals();
  const named = new Map([...ended].filter(([reason]) => reason !== EXPIRED));
  requireSame("totals", { created, ended: named }, world.model.totals());
  const over = world.model.allOver();
  if ((ended.get(EXPIRED) ?? 0) > over) {
    throw new Violation("more sessions ended by themselves than were over", `${ended.get(EXPIRED) ?? 0} of ${over}`);
  }
}

/** Everything that can be asked, at the end of a run. @throws Violation */
export async function checkAll(world: World, stores: readonly [Store, Store], counting: boolean): Promise<void> {
  const [store, other] = stores;
  await Promise.all(world.sessions.map((session) => checkRead(world, store, session)));
  await Promise.all(world.sessions.map((session) => checkActivities(world, other, session)));
  await Promise.all(USERS.map((user) => checkList(world, other, user)));
  if (!counting) return;
  await checkCounts(world, store);
  await checkPages(world, other);
  await checkIndexes(world, store);
  await checkCounts(world, other);
}
