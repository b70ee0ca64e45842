/** Fastify. */

import { frameworkScenario } from "./frameworks.ts";

export const fastify = frameworkScenario({
  name: "fastify",
  title: "HTTP, Fastify",
  none: "../peers/fastify-none.ts",
  oneGet: "../peers/fastify-one-get.ts",
  peers: [
    { name: "@fastify/session + connect-redis", module: "../peers/fastify-session.mjs" },
    { name: "the same, rolling: false", module: "../peers/fastify-session.mjs", parameters: { rolling: false } },
    { name: "iron-session", module: "../peers/iron-session.mjs" },
  ],
  ours: "../subjects/sojourn-fastify.ts",
  method: [
    "@fastify/session as its readme has it (rolling) stores the whole session for every request that has one, also for mere readers; Sojourn stores activity once an interval.",
    "iron-session keeps the session in the cookie, sealed, and asks no store; it opens it for every request.",
  ],
});
