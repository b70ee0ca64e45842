/** Cases: walking all live sessions in pages. */

import assert from "node:assert/strict";
import { OFFSET } from "../../data/record.ts";
import type { Page } from "../../store/paging.ts";
import type { Store } from "../../store/store.ts";
import type { ConformanceCase } from "./case.ts";
import { ending, type Environment, HOUR, IDLE, MINUTE } from "./environment.ts";

async function pagesOf(
  store: Store,
  limit: number,
  between = async (): Promise<unknown> => undefined,
): Promise<Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: Page = await store.page({ cursor, limit });
    pages.push(page);
    assert.ok(page.items.length <= limit && page.scanned >= page.items.length);
    assert.equal(page.done, page.cursor === null);
    if (page.cursor === null) return pages;
    cursor = page.cursor;
    await between();
  }
}

function idsOn(pages: readonly Page[]): string[] {
  return pages.flatMap(({ items }) => items.map(({ id }) => id)).toSorted();
}

function makeMany(env: Environment, count: number): Promise<{ id: string }[]> {
  return Promise.all(
    Array.from({ length: count }, (_, i) => env.created(i % 2 === 0 ? {} : { userId: `user-${i % 7}` })),
  );
}

export const PAGING: readonly ConformanceCase[] = [
  {
    name: "page brings every live session once, and none that has ended or expired",
    async run(env) {
      const expired = await env.created({ idleMs: MINUTE });
      await env.clock.advance(2 * MINUTE);
      const [ended, ...live] = await makeMany(env, 41);
      await env.store.revoke(ending(ended?.id ?? ""));
      for (const limit of [1, 7, 40, 1_000]) {
        const pages = await pagesOf(env.other, limit);
        assert.deepEqual(idsOn(pages), live.map(({ id }) => id).toSorted(), `limit ${limit}`);
        assert.ok(!idsOn(pages).includes(expired.id));
      }
      const [first] = (await env.store.page({ cursor: null, limit: 1 })).items;
      assert.deepEqual(first?.record, await env.store.read(first?.id ?? ""));
    },
  },
  {
    name: "page goes on behind any session of a page",
    async run(env) {
      const made = await makeMany(env, 12);
      const { items } = await env.store.page({ cursor: null, limit: 12 });
      assert.equal(items.length, made.length);
      for (const [i, { cursor }] of items.entries()) {
        const rest = await env.store.page({ cursor, limit: 12 });
        assert.deepEqual(idsOn([rest]), idsOn([{ ...rest, items: items.slice(i + 1) }]));
      }
    },
  },
  {
    name: "page brings all that expire in the same millisecond",
    async run(env) {
      const at = env.store.now() + HOUR;
      const made = Array.from({ length: 20 }, () => env.made({ userId: "ada", idleMs: 2 * HOUR }));
      for (const each of made) {
        each.record.writeUIntBE(at, OFFSET.absoluteExpiresAt, 6);
        await env.store.create(each);
      }
      for (const limit of [1, 3]) {
        assert.deepEqual(idsOn(await pagesOf(env.store, limit)), made.map(({ id }) => id).toSorted());
      }
    },
  },
  {
    name: "page passes over nothing that stays, whatever is touched, begins and ends meanwhile",
    async run(env) {
      const stays = await makeMany(env, 30);
      const ends = await makeMany(env, 10);
      await env.clock.advance(MINUTE);
      let turn = 0;
      const pages = await pagesOf(env.store, 5, async () => {
        const touched = stays[turn % stays.length];
        await env.other.touch({ id: touched?.id ?? "", minIntervalMs: 0, confirm: false });
        await env.other.revoke(ending(ends[turn % ends.length]?.id ?? ""));
        // One that will be gone before the walk ends: it may be on a page or not.
        await env.created({ idleMs: IDLE / 2 });
        turn += 1;
        assert.ok(turn < 100);
      });
      const seen = new Set(idsOn(pages));
      for (const { id } of stays) assert.ok(seen.has(id), id);
    },
  },
  {
    name: "page refuses a cursor that no page answered",
    async run(env) {
      for (const cursor of ["", "x", "12.x", "../../x", "\0"]) {
        await assert.rejects(env.store.page({ cursor, limit: 1 }), TypeError);
      }
    },
  },
];
