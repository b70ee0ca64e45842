/** A web framework under requests: without a session, with a middleware written by hand, with its peers, with Sojourn. */

import type { Measured } from "../budgets.ts";
import { request } from "../harness/http-load.ts";
import { cpuAboveFor, type RateTable, ratioFor } from "../harness/result.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { SESSIONS } from "../subjects/session-data.ts";
import { answered, asked, CONNECTIONS, openedSites, type Question, type Site, type SiteSpec } from "./sites.ts";

/** Of the comparison of rates. */
const SAMPLE_MS = 400;
/** For differences of microseconds: more rounds, of shorter samples. */
const FINE_SAMPLE_MS = 250;

export const NONE = "no session";
export const ONE_GET = "one GET by hand";
export const OURS = "sojourn";
export const OURS_NEAR = "sojourn, near cache";

export interface Framework {
  /** Of the scenario, and in the ids of its budgets. */
  readonly name: string;
  readonly title: string;
  /** The first is the incumbent. */
  readonly peers: readonly [SiteSpec, ...SiteSpec[]];
  readonly none: string;
  readonly oneGet: string;
  readonly ours: string;
  readonly method: readonly string[];
}

export function frameworkScenario(framework: Framework): Scenario {
  const { name, title } = framework;
  const incumbent = framework.peers[0].name;
  return {
    name,
    title,
    isQuick: true,
    async run(bench) {
      const sites = await openedSites(bench, specsOf(framework));
      const only = (...names: string[]): Site[] => sites.filter((site) => names.includes(site.name));
      const visits = { requests: (site: Site) => site.visits, rounds: bench.rounds, sampleMs: SAMPLE_MS };
      const finely = { rounds: bench.fineRounds, sampleMs: FINE_SAMPLE_MS };
      const me: Question = {
        ...visits,
        title: "GET /me with a session",
        plot: "http",
        baseline: ONE_GET,
        sites,
      };
      const fine: Question = {
        ...visits,
        ...finely,
        title: "GET /me with a session, CPU above no session",
        baseline: NONE,
        sites: only(NONE, OURS, OURS_NEAR),
      };
      const bare: Question = {
        ...finely,
        title: "GET /bare without a cookie, CPU above no session",
        baseline: NONE,
        sites: only(NONE, incumbent, OURS),
        requests: () => [request("GET", "/bare")],
      };
      const [meRates, fineRates, bareRates] = [await asked(me), await asked(fine), await asked(bare)];
      const judged = judgeOn(bench, sites);
      return {
        method: methodOf(framework, bench),
        rates: [meRates, fineRates, bareRates],
        facts: [],
        measured: [
          ...(await judged(me, ratiosOf(name, meRates, incumbent))),
          ...(await judged(fine, [[OURS_NEAR, cpuAboveFor(`http.${name}.near`, fineRates, OURS_NEAR, NONE)]])),
          ...(await judged(bare, [[OURS, cpuAboveFor(`http.${name}.anonymous`, bareRates, OURS, NONE)]])),
        ],
      };
    },
  };
}

function specsOf({ none, oneGet, ours, peers }: Framework): SiteSpec[] {
  return [
    { name: NONE, module: none, hasNoSessions: true },
    { name: ONE_GET, module: oneGet },
    ...peers,
    { name: OURS, module: ours, parameters: { nearCache: false } },
    { name: OURS_NEAR, module: ours, parameters: { nearCache: true } },
  ];
}

type OfSite = readonly [site: string, measured: Measured];

function ratiosOf(name: string, me: RateTable, incumbent: string): OfSite[] {
  return [
    [OURS, ratioFor(`http.${name}.incumbent`, me, OURS, incumbent)],
    [OURS_NEAR, ratioFor(`http.${name}.incumbent.near`, me, OURS_NEAR, incumbent)],
    [OURS, ratioFor(`http.${name}.one-get`, me, OURS, ONE_GET)],
  ];
}

/** With a profile of what missed, at the same question. */
function judgeOn(bench: Bench, sites: readonly Site[]) {
  return async (question: Question, all: readonly OfSite[]): Promise<Measured[]> => {
    const judged: Measured[] = [];
    for (const [name, measured] of all) {
      const site = sites.find((each) => each.name === name);
      if (site === undefined) throw new RangeError(`no site ${name}`);
      judged.push(
        await bench.judged(measured, site.contestant, () => answered(site, { ...question, sampleMs: 1_000 })),
      );
    }
    return judged;
  };
}

function methodOf({ method }: Framework, { rounds, fineRounds }: Bench): string[] {
  return [
    `${CONNECTIONS} connections, each sending its next request when the one before is answered; ${SESSIONS} sessions of 400 bytes.`,
    `Rates: ${rounds} rounds of ${SAMPLE_MS} ms; CPU above no session: ${fineRounds} rounds of ${FINE_SAMPLE_MS} ms.`,
    "The load comes from the harness, over raw sockets, from another core.",
    "The middleware by hand has no expiry that slides, no index, no rotation, and its cookies stand in Redis as they are.",
    ...method,
    REDIS_NOTE,
  ];
}
