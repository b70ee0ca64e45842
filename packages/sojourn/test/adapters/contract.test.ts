/** The adapter contract on every adapter. */

import { describe, test } from "vitest";
import { adapterContract } from "../../src/testing/adapter-contract.ts";
import { ADAPTERS } from "./sites/all.ts";

describe.each(ADAPTERS)("%s", (_name, start) => {
  for (const each of adapterContract({ start })) test(each.name, each.run);
});
