/** Every scenario, in the order of the report. */

import type { Scenario } from "../harness/scenario.ts";
import { propagation } from "./propagation.ts";
import { reads } from "./reads.ts";

export const SCENARIOS: readonly Scenario[] = [reads, propagation];
