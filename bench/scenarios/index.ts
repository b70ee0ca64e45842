/** Every scenario, in the order of the report. */

import type { Scenario } from "../harness/scenario.ts";
import { cluster } from "./cluster.ts";
import { commands } from "./commands.ts";
import { express } from "./express.ts";
import { fastify } from "./fastify.ts";
import { memory } from "./memory.ts";
import { million } from "./million.ts";
import { packed } from "./packed.ts";
import { promises } from "./promises.ts";
import { propagation } from "./propagation.ts";
import { reads } from "./reads.ts";
import { redisCpu } from "./redis-cpu.ts";
import { resharding } from "./resharding.ts";
import { wire } from "./wire.ts";
import { writes } from "./writes.ts";

export const SCENARIOS: readonly Scenario[] = [
  commands,
  promises,
  reads,
  express,
  fastify,
  writes,
  cluster,
  redisCpu,
  memory,
  wire,
  propagation,
  resharding,
  million,
  packed,
];
