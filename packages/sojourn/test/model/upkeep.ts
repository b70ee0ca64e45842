/** What keeps a store in order, held against the model: reaping, and indexes that say what the records say. */

import { bucketOf, BUCKETS } from "../../src/data/session-id.ts";
import type { Store } from "../../src/store/store.ts";
import { EXPIRED, type ModelSession } from "./model.ts";
import { requireSame, Violation } from "./violation.ts";
import type { KnownSession, World } from "./world.ts";

const ENDING = { reason: EXPIRED, actor: null } as const;

/** @throws Violation */
export async function checkExpire(world: World, store: Store, { id, name }: KnownSession): Promise<void> {
  const { model } = world;
  const ended = await store.expire(id);
  const due = model.stored(id);
  // One whose record has died may have been met by somebody before, or not.
  if (due === null && model.isOver(id)) return;
  requireSame(`expire ${name}`, ended, due !== null && model.live(id) === null);
  if (due !== null && ended) model.end(due, ENDING);
}

/** @throws Violation */
export async function checkReap(world: World, store: Store, { id, name }: KnownSession): Promise<void> {
  const due = dueIn(world, store, partOf(store, id));
  const expired = await reapPart(store, partOf(store, id));
  // More when it met what had died unseen.
  if (expired < due.length)
    throw new Violation(`reap around ${name}`, `ended ${expired} of ${due.length} that were due`);
  for (const session of due) world.model.end(session, ENDING);
}

/** After everything that is due was reaped, indexes say what the records say. @throws Violation */
export async function checkIndexes(world: World, store: Store): Promise<void> {
  for (const part of new Set(world.sessions.map(({ id }) => partOf(store, id)))) {
    const due = dueIn(world, store, part);
    await reapPart(store, part);
    for (const session of due) world.model.end(session, ENDING);
    for (let cursor: string | null = null; ; ) {
      const found: Awaited<ReturnType<Store["checkIndexes"]>> = await store.checkIndexes({
        part,
        cursor,
        repair: false,
      });
      const unexplained = found.differences.filter(({ kind, of }) => !(kind === "no_record" && diedUnseen(world, of)));
      requireSame("checkIndexes", unexplained, []);
      if (found.cursor === null) break;
      ({ cursor } = found);
    }
  }
}

/** @throws Violation */
export async function checkPages(world: World, store: Store): Promise<void> {
  const seen: string[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Awaited<ReturnType<Store["page"]>> = await store.page({ cursor, limit: 5 });
    seen.push(...page.items.map(({ id }) => world.nameOf(id)));
    if (page.cursor === null) break;
    ({ cursor } = page);
  }
  const live = world.model.allLive().map(({ id }) => world.nameOf(id));
  requireSame("page", seen.toSorted(), live.toSorted());
}

/** Its record died before anybody reaped it: an index may name it until a check repairs that. */
function diedUnseen({ model }: World, id: string): boolean {
  return model.isOver(id) && model.stored(id) === null;
}

function partOf(store: Store, id: string): number {
  return Math.floor((bucketOf(id) * store.parts) / BUCKETS);
}

function dueIn(world: World, store: Store, part: number): ModelSession[] {
  const { model } = world;
  return model.allStored().filter(({ id }) => model.live(id) === null && partOf(store, id) === part);
}

async function reapPart(store: Store, part: number): Promise<number> {
  for (let expired = 0; ; ) {
    const reaped = await store.reap({ part, notWithinMs: 0 });
    expired += reaped.expired;
    if (!reaped.more) return expired;
  }
}
