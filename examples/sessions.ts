/** The sessions of the small examples: typed, and gone when the process ends. */

import { randomBytes } from "node:crypto";
import { createSessions, memoryStore } from "sojourn";
import { z } from "zod";

export const sessions = createSessions({
  store: memoryStore(),
  secrets: [process.env["SESSION_SECRET"] ?? randomBytes(32).toString("base64url")],
  development: true,
  schema: { visits: z.number().int() },
});

declare module "sojourn" {
  interface Register {
    sessions: typeof sessions;
  }
}

/** Takes a free port unless PORT names one. */
export const port = Number(process.env["PORT"] ?? 0);
export const listening = (taken: number): void => console.log(`http://localhost:${taken}`);
