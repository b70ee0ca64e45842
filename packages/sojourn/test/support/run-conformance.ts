import { describe, test } from "vitest";
import { type ConformanceOptions, storeConformance } from "../../src/testing/store-conformance.ts";

/**
 * The conformance suite as vitest tests. A skipped case says its reason in its title.
 * @param chosen names of the cases that run; default all
 */
export function runConformance(engine: string, options: ConformanceOptions, chosen?: readonly string[]): void {
  const all = storeConformance(options);
  const cases = chosen?.map((name) => {
    const found = all.find((each) => each.name === name);
    if (found === undefined) throw new Error(`there is no case "${name}"`);
    return found;
  });
  describe(`store contract on ${engine}`, () => {
    for (const each of cases ?? all) {
      if (each.skip === undefined) test(each.name, each.run);
      else test.skip(`${each.name} (skipped: ${each.skip})`, each.run);
    }
  });
}
