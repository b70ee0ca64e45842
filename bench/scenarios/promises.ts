/** What becomes of an update, a logout and a secret: counted for Sojourn and for its peers, over HTTP. */

import { setTimeout as sleep } from "node:timers/promises";
import { each } from "../harness/each.ts";
import { number } from "../harness/markdown.ts";
import { type Bench, REDIS_NOTE, type Scenario } from "../harness/scenario.ts";
import { usedMemory } from "../harness/used-memory.ts";
import { Visitor } from "../harness/visitor.ts";
import { FIELDS } from "../subjects/field-routes.ts";
import { nodeRedis } from "../subjects/redis-clients.ts";
import { redisTraffic, type Traffic } from "./redis-traffic.ts";
import { openedSites, type Site, type SiteSpec } from "./sites.ts";

const UPDATES = 200;
const LOGOUTS = 100;
/** Visitors at once: each has a session of its own. */
const AT_ONCE = 4;
const WORK_MS = 5;
const SLOW_MS = 40;
const LOGOUT_AFTER_MS = 15;
/** For the bytes of one: those of the first are not counted, which fill what Sojourn's 1,024 buckets hold once. */
const UNCOUNTED = 4_000;
const SESSIONS = 6_000;
const LOGINS_AT_ONCE = 16;

const OURS = "Sojourn";

interface Peer extends SiteSpec {
  /** Of what is in the cookie: the part that nobody can guess. Absent: the cookie is all there is, no store. */
  readonly secretIn?: (cookie: string) => string | undefined;
}

const SITES: readonly Peer[] = [
  {
    name: OURS,
    module: "../subjects/sojourn-express.ts",
    parameters: { nearCache: false },
    secretIn: (cookie) => cookie.slice(-65, -22),
  },
  {
    name: "express-session + connect-redis",
    module: "../peers/express-session.mjs",
    secretIn: (cookie) => /s:([\w-]{20,})\./.exec(cookie)?.[1],
  },
  {
    name: "@fastify/session + connect-redis",
    module: "../peers/fastify-session.mjs",
    secretIn: (cookie) => /=([\w-]{20,})\./.exec(cookie)?.[1],
  },
  {
    name: "better-auth",
    module: "../peers/better-auth.mjs",
    parameters: { users: UNCOUNTED + SESSIONS },
    secretIn: (cookie) => /session_token=([\w-]{20,})\./.exec(cookie)?.[1],
  },
  { name: "iron-session", module: "../peers/iron-session.mjs" },
];

interface Counted {
  readonly name: string;
  readonly lost: readonly [atOnce: Share, working: Share];
  readonly resurrected: readonly [alone: number, writing: number, reading: number];
  readonly bytes: string;
  readonly cookieBytes: number;
  readonly traffic: Traffic | null;
}

interface Share {
  readonly lost: number;
  readonly acknowledged: number;
}

export const promises: Scenario = {
  name: "promises",
  title: "Updates, logouts and secrets",
  isQuick: true,
  async run(bench) {
    const counted: Counted[] = [];
    for (const peer of SITES) counted.push(await countedFor(bench, peer));
    const ours = counted.find(({ name }) => name === OURS);
    return {
      method: [
        `Lost updates: ${UPDATES} rounds, in each of which two requests of one session store a different field at the same time; lost is what was answered 200 and is not there afterwards. A browser's cookies, kept in the order in which answers came.`,
        `Logouts: ${LOGOUTS} rounds; ${LOGOUT_AFTER_MS} ms after a request began that takes ${SLOW_MS} ms, the session is logged out, with 200; once both are answered, a request is made with the cookies from before the logout. iron-session has no store that could know of a logout: its README says so.`,
        "Redis commands: those of clients while one request was served, most frequent of five times; what scripts call belongs to the script. Sojourn's fetch of cut-offs, once a second and process, is left out.",
        `Bytes: growth of used_memory by ${SESSIONS} logins of as many users with 400 bytes of data, divided by their number, after ${UNCOUNTED} others, which fill what Sojourn's 1,024 buckets hold once. Sojourn's and better-auth's include what lists a user's sessions; the others can list none.`,
        "Secret: the random part of the cookie was looked for in all that Redis was sent. Of express-session, @fastify/session and better-auth it is the key, and a cookie needs the application's secret as well; of Sojourn only a hash gets there.",
        "Each configured as its readme has it; see bench/peers.",
        REDIS_NOTE,
      ],
      rates: [],
      facts: [{ title: "Counted", columns: ["", ...counted.map(({ name }) => name)], rows: rowsOf(counted) }],
      measured: [
        { budget: "promises.lost", value: ours === undefined ? Number.NaN : lostOf(ours) },
        { budget: "promises.resurrected", value: ours?.resurrected.reduce((a, b) => a + b, 0) ?? Number.NaN },
      ],
    };
  },
};

function lostOf({ lost }: Counted): number {
  return lost.reduce((sum, share) => sum + share.lost, 0);
}

function rowsOf(counted: readonly Counted[]): string[][] {
  const row = (what: string, of: (each: Counted) => string): string[] => [what, ...counted.map(of)];
  const share = ({ lost, acknowledged }: Share): string => `${lost} of ${acknowledged}`;
  const usable = (count: number | undefined): string => `${count} of ${LOGOUTS}`;
  const inRedis =
    (of: (traffic: Traffic) => string) =>
    ({ traffic }: Counted): string =>
      traffic === null ? "no store" : of(traffic);
  return [
    row("acknowledged updates lost, two requests at once", ({ lost: [atOnce] }) => share(atOnce)),
    row(`the same, each working ${WORK_MS} ms before it stores`, ({ lost: [, working] }) => share(working)),
    row("logged out: old cookie still good", ({ resurrected: [alone] }) => usable(alone)),
    row("logged out while a write was under way: still good", ({ resurrected: [, writing] }) => usable(writing)),
    row("logged out while a read was under way: still good", ({ resurrected: [, , reading] }) => usable(reading)),
    row(
      "Redis commands: anonymous",
      inRedis(({ anonymous }) => anonymous),
    ),
    row(
      "Redis commands: read",
      inRedis(({ read }) => read),
    ),
    row(
      "Redis commands: write",
      inRedis(({ write }) => write),
    ),
    row(
      "Redis commands: logout",
      inRedis(({ logout }) => logout),
    ),
    row("bytes of Redis for a session", ({ bytes }) => bytes),
    row("bytes of the cookie, in every request", ({ cookieBytes }) => String(cookieBytes)),
    row(
      "the cookie's secret in Redis",
      inRedis(({ secret }) => secret),
    ),
  ];
}

async function countedFor(bench: Bench, peer: Peer): Promise<Counted> {
  const [site] = await openedSites(bench, [peer], 0);
  if (site === undefined) throw new RangeError("no site");
  const users = newUsers();
  const { secretIn } = peer;
  const traffic = secretIn === undefined ? null : await redisTraffic(site, users, secretIn);
  const lost = [await lostUpdates(site, users, 0), await lostUpdates(site, users, WORK_MS)] as const;
  const slow = `ms=${SLOW_MS}`;
  const resurrected = [
    await resurrections(site, users, null),
    await resurrections(site, users, ["POST", `/field?name=a&value=1&${slow}`]),
    await resurrections(site, users, ["GET", `/slow?${slow}`]),
  ] as const;
  const cookieBytes = (await loggedIn(site, users)).cookie.length;
  const bytes = traffic === null ? "no store" : number(await bytesOfASession(site));
  await site.contestant.stop();
  return { name: peer.name, lost, resurrected, bytes, cookieBytes, traffic };
}

/** A number of another user each time. */
function newUsers(): () => number {
  let user = 0;
  return () => user++ % SESSIONS;
}

async function loggedIn({ contestant: { port } }: Site, users: () => number): Promise<Visitor> {
  const visitor = new Visitor(port);
  await visitor.must("POST", `/login?n=${users()}`);
  return visitor;
}

async function lostUpdates(site: Site, users: () => number, workMs: number): Promise<Share> {
  let lost = 0;
  let acknowledged = 0;
  await each(UPDATES, AT_ONCE, async (n) => {
    const visitor = await loggedIn(site, users);
    const store = (name: string) => visitor.ask("POST", `/field?name=${name}&value=${n}&ms=${workMs}`);
    const answers = await Promise.all(FIELDS.map(async (name) => ({ name, ...(await store(name)) })));
    const stored = (await visitor.must("GET", "/fields")) as Readonly<Record<string, unknown>>;
    const promised = answers.filter(({ status }) => status === 200);
    acknowledged += promised.length;
    lost += promised.filter(({ name }) => stored[name] !== String(n)).length;
  });
  return { lost, acknowledged };
}

/** How many sessions could be used after they had been logged out. @param meanwhile request under way at the logout */
async function resurrections(
  site: Site,
  users: () => number,
  meanwhile: readonly [method: string, path: string] | null,
): Promise<number> {
  let usable = 0;
  await each(LOGOUTS, AT_ONCE, async () => {
    const visitor = await loggedIn(site, users);
    const old = visitor.copy();
    const slow = meanwhile === null ? null : visitor.copy().ask(...meanwhile);
    await sleep(LOGOUT_AFTER_MS);
    await visitor.must("POST", "/logout");
    await slow;
    if ((await old.ask("GET", "/fields")).status === 200) usable += 1;
  });
  return usable;
}

async function bytesOfASession({ redisPort, contestant: { port } }: Site): Promise<number> {
  const client = await nodeRedis(redisPort);
  try {
    await client.flushAll();
    const login = (n: number) => new Visitor(port).must("POST", `/login?n=${n}`);
    await each(UNCOUNTED, LOGINS_AT_ONCE, (n) => login(SESSIONS + n));
    const before = await usedMemory(client);
    await each(SESSIONS, LOGINS_AT_ONCE, login);
    return ((await usedMemory(client)) - before) / SESSIONS;
  } finally {
    client.destroy();
  }
}
