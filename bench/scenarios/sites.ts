/** Sites: contestants that serve HTTP and keep sessions. */

import { randomBytes } from "node:crypto";
import type { Contestant } from "../harness/contestants.ts";
import { each } from "../harness/each.ts";
import { request } from "../harness/http-load.ts";
import type { RateTable } from "../harness/result.ts";
import { alternate } from "../harness/rounds.ts";
import type { Bench } from "../harness/scenario.ts";
import type { Sample } from "../harness/contestant.ts";
import { Visitor } from "../harness/visitor.ts";
import { SESSIONS } from "../subjects/session-data.ts";

export const CONNECTIONS = 64;
const LOGINS_AT_ONCE = 8;

/** As long as Sojourn's: to read so many bytes is no matter of sessions. */
const COOKIE_OF_NOBODY = `__Host-Http-sid=${"A".repeat(93)}`;

export interface SiteSpec {
  readonly name: string;
  /** Beside this file's folder: `../peers/…`. */
  readonly module: string;
  readonly parameters?: object;
  /** Nobody can log in. */
  readonly hasNoSessions?: boolean;
}

export interface Site {
  readonly name: string;
  readonly contestant: Contestant;
  readonly redisPort: number;
  /** `GET /me` of every session. */
  readonly visits: readonly Buffer[];
}

/** Started, each with a redis-server of its own, and with as many users logged in. */
export async function openedSites(bench: Bench, specs: readonly SiteSpec[], users = SESSIONS): Promise<Site[]> {
  const secret = randomBytes(32).toString("base64url");
  const sites: Site[] = [];
  for (const { name, module, parameters = {}, hasNoSessions = false } of specs) {
    const { port } = await bench.redis();
    const contestant = await bench.contestant({
      name,
      module: new URL(module, import.meta.url),
      export: "start",
      parameters: { ...parameters, secret, port },
    });
    const cookies = hasNoSessions ? [COOKIE_OF_NOBODY] : await logins(contestant.port, users);
    const visits = cookies.map((cookie) => request("GET", "/me", [`Cookie: ${cookie}`]));
    sites.push({ name, contestant, redisPort: port, visits });
  }
  return sites;
}

/** Cookies of that many users who logged in, as a browser sends them back. */
async function logins(port: number, users: number): Promise<string[]> {
  const cookies: string[] = [];
  await each(users, LOGINS_AT_ONCE, async (n) => {
    const visitor = new Visitor(port);
    await visitor.must("POST", `/login?n=${n}`);
    if (visitor.cookie === "") throw new Error("a login set no cookie");
    cookies.push(visitor.cookie);
  });
  return cookies;
}

export interface Question {
  readonly title: string;
  readonly plot?: string;
  readonly baseline: string;
  readonly sites: readonly Site[];
  readonly requests: (site: Site) => readonly Buffer[];
  readonly rounds: number;
  readonly sampleMs: number;
}

/** The same question to all of them, in turn. */
export async function asked(question: Question): Promise<RateTable> {
  const { title, plot, baseline, sites, rounds } = question;
  const rows = await alternate(
    sites.map((site) => site.contestant.sampler(() => answered(site, question))),
    rounds,
  );
  return { title, unit: "requests/s", baseline, rows, ...(plot === undefined ? {} : { plot }) };
}

export function answered(site: Site, { requests, sampleMs }: Pick<Question, "requests" | "sampleMs">): Promise<Sample> {
  return site.contestant.serve({ requests: requests(site), connections: CONNECTIONS, ms: sampleMs });
}
