/** Numbers that all processes share. */

import assert from "node:assert/strict";
import type { MinuteCounts } from "../../store/metric-store.ts";
import { minuteOf } from "../../store/metric-store.ts";
import type { ConformanceCase } from "./case.ts";
import { HOUR, MINUTE } from "./environment.ts";

const DAY = 24 * HOUR;

function plain(series: readonly MinuteCounts[]): [number, Record<string, number>][] {
  return series.map(({ at, counts }) => [at, Object.fromEntries(counts)]);
}

export const METRICS: readonly ConformanceCase[] = [
  {
    name: "samples are answered newest first, equal ones each for itself",
    async run({ store, other }) {
      for (const value of [3, 1.5, 3, -0.25, 3, 1e21]) await store.metrics.recordSample("login ms", value);
      await store.metrics.recordSample("other", 7);
      assert.deepEqual(await other.metrics.samples("login ms"), [1e21, 3, -0.25, 3, 1.5, 3]);
      assert.deepEqual(await store.metrics.samples("nothing"), []);
    },
  },
  {
    name: "the last 1,000 samples of a name are kept, for 30 days",
    async run({ store, clock }) {
      await Promise.all(Array.from({ length: 1_010 }, () => store.metrics.recordSample("a", 1)));
      await store.metrics.recordSample("a", 2);
      const samples = await store.metrics.samples("a");
      assert.deepEqual([samples.length, samples[0], samples[999]], [1_000, 2, 1]);
      await clock.advance(31 * DAY);
      assert.deepEqual(await store.metrics.samples("a"), []);
    },
  },
  {
    name: "counts of a minute add up, whoever counts",
    async run({ store, other }) {
      const at = minuteOf(store.now());
      await store.metrics.addToSeries(at, new Map([["created", 2]]));
      await other.metrics.addToSeries(
        at + 1,
        new Map([
          ["created", 3],
          ["ended", 1],
        ]),
      );
      await store.metrics.addToSeries(at - MINUTE, new Map([["ended", 5]]));
      assert.deepEqual(plain(await store.metrics.series()), [
        [at - MINUTE, { ended: 5 }],
        [at, { created: 5, ended: 1 }],
      ]);
    },
  },
  {
    name: "the series holds the last 24 hours, minute by minute",
    async run({ store, clock }) {
      const first = minuteOf(store.now());
      await store.metrics.addToSeries(first, new Map([["created", 1]]));
      await clock.advance(DAY - 2 * MINUTE);
      const last = minuteOf(store.now());
      await store.metrics.addToSeries(last, new Map([["created", 2]]));
      assert.deepEqual(plain(await store.metrics.series()), [
        [first, { created: 1 }],
        [last, { created: 2 }],
      ]);
      await clock.advance(3 * MINUTE);
      await store.metrics.addToSeries(store.now(), new Map([["created", 4]]));
      assert.deepEqual(
        plain(await store.metrics.series()).map(([, { created }]) => created),
        [2, 4],
      );
      await clock.advance(2 * DAY);
      assert.deepEqual(await store.metrics.series(), []);
    },
  },
  {
    name: "numbers that come late are refused",
    async run({ store }) {
      const late = { notAfter: store.now() - 1000 };
      await assert.rejects(store.metrics.recordSample("a", 1, late), { reason: "late" });
      await assert.rejects(store.metrics.addToSeries(store.now(), new Map([["a", 1]]), late), { reason: "late" });
      assert.deepEqual([await store.metrics.samples("a"), await store.metrics.series()], [[], []]);
    },
  },
  {
    name: "numbers sent again with their operation id count once",
    needs: "operation ids",
    async run({ store, other }) {
      const at = store.now();
      for (const each of [store, other]) {
        await each.metrics.recordSample("a", 1, { operationId: "one" });
        await each.metrics.addToSeries(at, new Map([["a", 1]]), { operationId: "two" });
      }
      assert.deepEqual(await store.metrics.samples("a"), [1]);
      assert.deepEqual(plain(await store.metrics.series()), [[minuteOf(at), { a: 1 }]]);
    },
  },
];
