/** Express. */

import { SESSIONS } from "../subjects/session-data.ts";
import { frameworkScenario } from "./frameworks.ts";

export const express = frameworkScenario({
  name: "express",
  title: "HTTP, Express",
  none: "../peers/express-none.ts",
  oneGet: "../peers/express-one-get.ts",
  peers: [
    { name: "express-session + connect-redis", module: "../peers/express-session.mjs" },
    {
      name: "the same, disableTouch",
      module: "../peers/express-session.mjs",
      parameters: { disableTouch: true },
    },
    { name: "better-auth", module: "../peers/better-auth.mjs", parameters: { users: SESSIONS } },
  ],
  ours: "../subjects/sojourn-express.ts",
  method: [
    "express-session keeps its session alive with an EXPIRE for every request, unless disableTouch; Sojourn stores activity once an interval.",
    "better-auth: auth.api.getSession in the handler, sessions in Redis through secondaryStorage, cookie cache off as it is by default. It reads session and user, and checks that the session is still in the user's list.",
  ],
});
