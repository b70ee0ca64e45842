import { describe, test } from "vitest";
import { type ConformanceOptions, storeConformance } from "../../src/testing/store-conformance.ts";

/** The conformance suite as vitest tests. A skipped case says its reason in its title. */
export function runConformance(engine: string, options: ConformanceOptions): void {
  describe(`store contract on ${engine}`, () => {
    for (const each of storeConformance(options)) {
      if (each.skip === undefined) test(each.name, each.run);
      else test.skip(`${each.name} (skipped: ${each.skip})`, each.run);
    }
  });
}
