import { createSessions } from "sojourn";
import { sojourn } from "sojourn/fetch";
import { sqliteStore } from "sojourn/sqlite";

export interface Data {
  name: string;
  visits: number;
}

function create() {
  const sessions = createSessions<Data>({
    store: sqliteStore(process.env["SESSIONS_DB"] ?? "./sessions.db"),
    secrets: [process.env["SESSION_SECRET"]],
  });
  return { sessions, adapter: sojourn(sessions) };
}

// Pages and routes are bundles of their own, each with its own modules: one store and one adapter for all of them.
const shared = globalThis as { sojournSite?: ReturnType<typeof create> };

/** Made when the first request asks: `next build` loads the pages, too, and has no secret. */
export function site(): ReturnType<typeof create> {
  shared.sojournSite ??= create();
  return shared.sojournSite;
}
