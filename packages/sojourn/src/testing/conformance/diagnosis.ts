/** Cases: what a store says of its server. */

import assert from "node:assert/strict";
import type { ConformanceCase } from "./case.ts";
import { patch, set } from "./environment.ts";

export const DIAGNOSIS: readonly ConformanceCase[] = [
  {
    name: "a diagnosis says what was found and, where not all is well, what to do; it changes nothing",
    async run(env) {
      const { id } = await env.created({ userId: "ada" });
      await patch(env.store, id, [set("a", 1)]);
      const before = await env.store.read(id);
      const [count, totals] = [await env.store.count(), await env.store.totals()];
      const findings = await env.store.diagnose();
      assert.ok(findings.length > 0);
      for (const { check, level, found, fix } of findings) {
        assert.ok(["ok", "warning", "problem"].includes(level), `${check}: ${level}`);
        assert.notEqual(found, "", check);
        if (level !== "ok") assert.ok(fix !== null && fix.endsWith("."), `${check} says no fix`);
      }
      assert.deepEqual(await env.store.read(id), before);
      assert.deepEqual([await env.store.count(), await env.store.totals()], [count, totals]);
    },
  },
  {
    name: "a store that was closed makes no diagnosis",
    async run(env) {
      await env.other.close();
      await assert.rejects(env.other.diagnose(), { code: "store_closed" });
    },
  },
];
