/** Express under requests: without a session, with the middleware written by hand, with the incumbent, with Sojourn. */

import { randomBytes } from "node:crypto";
import type { Measured } from "../budgets.ts";
import type { Contestant, ContestantSpec } from "../harness/contestants.ts";
import { request } from "../harness/http-load.ts";
import { cpuAboveFor, type RateTable, ratioFor } from "../harness/result.ts";
import { alternate } from "../harness/rounds.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { SESSIONS } from "../subjects/session-data.ts";

const CONNECTIONS = 64;
const SAMPLE_MS = 700;
/** For differences of microseconds. */
const FINE_ROUNDS = 20;

const NONE = "no session";
const ONE_GET = "one GET by hand";
const INCUMBENT = "express-session + connect-redis";
const INCUMBENT_NO_TOUCH = "the same, disableTouch";
const OURS = "sojourn";
const OURS_NEAR = "sojourn, near cache";

/** As long as Sojourn's: to read so many bytes is no matter of sessions. */
const COOKIE_OF_NOBODY = `__Host-Http-sid=${"A".repeat(93)}`;

interface Site {
  readonly name: string;
  readonly contestant: Contestant;
  /** `GET /me` of every session. */
  readonly visits: readonly Buffer[];
}

export const express: Scenario = {
  name: "express",
  title: "HTTP, Express",
  isQuick: true,
  async run(bench) {
    const sites = await started(bench);
    const me = await asked({
      title: "GET /me with a session",
      plot: "express-me",
      baseline: ONE_GET,
      sites,
      requests: (site) => site.visits,
      rounds: bench.rounds,
    });
    const fine = sites.filter(({ name }) => [NONE, ONE_GET, OURS, OURS_NEAR].includes(name));
    const near = await asked({
      title: "GET /me with a session, CPU above no session",
      baseline: NONE,
      sites: fine,
      requests: (site) => site.visits,
      rounds: Math.max(FINE_ROUNDS, bench.rounds),
    });
    const anonymous = await asked({
      title: "GET /bare without a cookie, CPU above no session",
      baseline: NONE,
      sites: sites.filter(({ name }) => name !== OURS_NEAR && name !== INCUMBENT_NO_TOUCH),
      requests: () => [request("GET", "/bare")],
      rounds: Math.max(FINE_ROUNDS, bench.rounds),
    });
    return {
      method: [
        `${CONNECTIONS} connections, each sending its next request when the one before is answered; ${SESSIONS} sessions of 400 bytes; samples of ${SAMPLE_MS} ms.`,
        "The load comes from the harness, over raw sockets, and is no bottleneck: the contestant's core is. CPU per request is the steadier number.",
        "express-session keeps its session alive with an EXPIRE for every request, unless disableTouch; Sojourn stores activity once an interval.",
        "The middleware by hand has no expiry that slides, no index, no rotation, and its cookies stand in Redis as they are.",
        REDIS_NOTE,
      ],
      rates: [me, near, anonymous],
      facts: [],
      measured: budgetsOf(me, near, anonymous),
    };
  },
};

function budgetsOf(me: RateTable, near: RateTable, anonymous: RateTable): Measured[] {
  return [
    ratioFor("http.express.incumbent", me, OURS, INCUMBENT),
    ratioFor("http.express.incumbent.near", me, OURS_NEAR, INCUMBENT),
    ratioFor("http.express.one-get", me, OURS, ONE_GET),
    cpuAboveFor("http.express.near", near, OURS_NEAR, NONE),
    cpuAboveFor("http.express.anonymous", anonymous, OURS, NONE),
  ];
}

interface Question {
  readonly title: string;
  readonly plot?: string;
  readonly baseline: string;
  readonly sites: readonly Site[];
  readonly requests: (site: Site) => readonly Buffer[];
  readonly rounds: number;
}

async function asked({ title, plot, baseline, sites, requests, rounds }: Question): Promise<RateTable> {
  const rows = await alternate(
    sites.map((site) =>
      site.contestant.sampler(() =>
        site.contestant.serve({ requests: requests(site), connections: CONNECTIONS, ms: SAMPLE_MS }),
      ),
    ),
    rounds,
  );
  return { title, unit: "requests/s", baseline, rows, ...(plot === undefined ? {} : { plot }) };
}

async function started(bench: Bench): Promise<Site[]> {
  const secret = randomBytes(32).toString("base64url");
  const file = (path: string): URL => new URL(path, import.meta.url);
  const specs: [name: string, module: URL, parameters: object][] = [
    [NONE, file("../peers/express-none.ts"), {}],
    [ONE_GET, file("../peers/express-one-get.ts"), {}],
    [INCUMBENT, file("../peers/express-session.mjs"), { secret }],
    [INCUMBENT_NO_TOUCH, file("../peers/express-session.mjs"), { secret, disableTouch: true }],
    [OURS, file("../subjects/sojourn-express.ts"), { secret, nearCache: false }],
    [OURS_NEAR, file("../subjects/sojourn-express.ts"), { secret, nearCache: true }],
  ];
  const sites: Site[] = [];
  for (const [name, module, parameters] of specs) {
    const { port } = await bench.redis();
    sites.push(await opened(bench, { name, module, export: "start", parameters: { ...parameters, port } }));
  }
  return sites;
}

async function opened(bench: Bench, spec: ContestantSpec): Promise<Site> {
  const contestant = await bench.contestant(spec);
  const cookies = spec.name === NONE ? [COOKIE_OF_NOBODY] : await logins(contestant.port, SESSIONS);
  return { name: spec.name, contestant, visits: cookies.map((cookie) => request("GET", "/me", [`Cookie: ${cookie}`])) };
}

/** Cookies of that many users who logged in, as a browser sends them back. */
async function logins(port: number, users: number): Promise<string[]> {
  const cookies: string[] = [];
  for (let n = 0; n < users; n++) {
    const response = await fetch(`http://127.0.0.1:${port}/login?n=${n}`, { method: "POST" });
    await response.arrayBuffer();
    const [cookie = ""] = response.headers.getSetCookie();
    if (!response.ok || cookie === "") throw new Error(`login answered ${response.status}`);
    cookies.push(cookie.split(";", 1)[0] ?? "");
  }
  return cookies;
}
