/** Sessions of the application that was here before: taken over once, by whichever of their requests comes first. */

import { deepEqual, equal, match } from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { type CallbackStore, expressSession } from "../../adopt.ts";
import type { AdoptOptions } from "../../lifecycle/adoption.ts";
import { Browser, type Reply } from "./client.ts";
import { type AdapterCase, COOKIE, type SiteSettings, type TestSite } from "./site.ts";

const ANONYMOUS = { active: false, userId: null, data: {} };
const ADA = { active: true, userId: "ada", data: { cart: ["book"] } };
const OLD_SECRET = "old secret";

/** Where the old application keeps its sessions. */
class OldStore implements CallbackStore {
  readonly #sessions = new Map<string, string>();
  down = false;

  get(sid: string, done: (error: unknown, session?: unknown) => void): void {
    const text = this.#sessions.get(sid);
    if (this.down) done(new Error("connect ECONNREFUSED 10.11.12.13:6380"));
    else done(null, text === undefined ? undefined : JSON.parse(text));
  }
  set(sid: string, session: object, done?: (error?: unknown) => void): void {
    this.#sessions.set(sid, JSON.stringify(session));
    done?.();
  }
  destroy(sid: string, done: (error?: unknown) => void): void {
    this.#sessions.delete(sid);
    done();
  }
  has(sid: string): boolean {
    return this.#sessions.has(sid);
  }
}

const OLD = new OldStore();

function adopting(retire: AdoptOptions["retire"] = "delete"): SiteSettings {
  const from = expressSession({ store: OLD, secrets: ["newer secret", OLD_SECRET] });
  const map: AdoptOptions["map"] = ({ userId, cart }) => ({
    ...(typeof userId === "string" ? { userId } : {}),
    data: { cart },
  });
  return { sessions: { adopt: { from, map, retire } } };
}

function cookieOf(sid: string, secret = OLD_SECRET): string {
  const mac = createHmac("sha256", secret).update(sid).digest("base64").replace(/=+$/, "");
  return encodeURIComponent(`s:${sid}.${mac}`);
}

function newSid(): string {
  return randomBytes(24).toString("base64url");
}

/** A browser in which somebody logged in while the old application ran. */
function loggedInBefore(site: TestSite, userId = "ada"): { sid: string; browser: Browser } {
  const sid = newSid();
  OLD.set(sid, { cookie: { originalMaxAge: null, path: "/" }, userId, cart: ["book"] });
  return { sid, browser: new Browser(site.origin, [["connect.sid", cookieOf(sid)]]) };
}

async function look(browser: Browser): Promise<unknown> {
  return seen(await browser.get("/look"));
}

function seen(reply: Reply): unknown {
  equal(reply.status, 200);
  return JSON.parse(reply.body);
}

export const ADOPTION: readonly AdapterCase[] = [
  {
    name: "adopt: an old application's session goes on with its user and data; its cookie and its record are gone",
    settings: adopting(),
    async run(site) {
      const { sid, browser } = loggedInBefore(site);
      const reply = await browser.get("/look");
      deepEqual(seen(reply), ADA);
      deepEqual([reply.headers["cache-control"], reply.setCookies.length], ["no-store", 2]);
      match(reply.setCookies.join("\n"), /^__Host-Http-sid=[\w-]{93}; .*\nconnect\.sid=; Max-Age=0; Path=\//);
      deepEqual([[...browser.cookies.keys()], OLD.has(sid)], [[COOKIE], false]);
      site.calls.length = 0;
      const next = await browser.get("/look");
      deepEqual([seen(next), next.setCookies, site.calls], [ADA, [], ["read"]]);
    },
  },
  {
    name: "adopt: requests that race, and one whose answer was lost, go on with the same session and token",
    settings: adopting(),
    async run(site) {
      const { browser } = loggedInBefore(site);
      const racers = Array.from({ length: 6 }, () => browser.copy());
      deepEqual(
        await Promise.all(racers.map(look)),
        racers.map(() => ADA),
      );
      deepEqual(await look(browser), ADA);
      equal(new Set([...racers, browser].map(({ cookies }) => cookies.get(COOKIE))).size, 1);
      equal(await site.sessions.count(), 1);
    },
  },
  {
    name: "C2: adopt: after a logout the old cookie is nobody's for good, though an old request wrote its session back",
    settings: adopting("keep"),
    async run(site) {
      const { sid, browser } = loggedInBefore(site);
      const thief = browser.copy();
      deepEqual([await look(browser), OLD.has(sid)], [ADA, true]);
      deepEqual(await look(browser), ADA);
      await browser.post("/logout");
      deepEqual([browser.cookies.size, OLD.has(sid), await site.sessions.count()], [0, false, 0]);
      for (const later of [0, 2 * 3_600_000]) {
        await site.clock.advance(later);
        OLD.set(sid, { cookie: {}, userId: "ada", cart: ["book"] });
        deepEqual([await look(thief.copy()), OLD.has(sid)], [ANONYMOUS, false]);
      }
    },
  },
  {
    name: "C2: adopt: a revocation from elsewhere ends the old session, too, when its browser comes next",
    settings: adopting("keep"),
    async run(site) {
      const { sid, browser } = loggedInBefore(site);
      await look(browser);
      await site.sessions.revokeUser("ada");
      await site.clock.advance(2 * 3_600_000);
      deepEqual([await look(browser), browser.cookies.size, OLD.has(sid)], [ANONYMOUS, 0, false]);
    },
  },
  {
    name: "A4: adopt: an old cookie that is forged costs nothing, one whose session is gone reads nothing here: nobody's",
    settings: adopting(),
    async run(site) {
      const { sid } = loggedInBefore(site);
      const forged = [cookieOf(sid, "no secret of theirs"), encodeURIComponent(`s:${sid}.`), sid, "s%", "%"];
      for (const value of [...forged, cookieOf(newSid())]) {
        const reply = await site.send("/look", { headers: { Cookie: `connect.sid=${value}` } });
        deepEqual([seen(reply), reply.setCookies, site.calls], [ANONYMOUS, [], []]);
      }
      equal(OLD.has(sid), true);
    },
  },
  {
    name: "M4: adopt: while the old application's store is down: 503, and its cookie stays",
    settings: adopting(),
    async run(site) {
      const { browser } = loggedInBefore(site);
      OLD.down = true;
      const reply = await browser.get("/look").finally(() => (OLD.down = false));
      deepEqual([reply.status, reply.setCookies], [503, []]);
      deepEqual(await look(browser), ADA);
    },
  },
  {
    name: "E1: adopt: a login ends the old session beside it",
    settings: adopting("keep"),
    async run(site) {
      const { sid, browser } = loggedInBefore(site, "grace");
      const before = browser.copy();
      await browser.post("/login");
      deepEqual([[...browser.cookies.keys()], OLD.has(sid)], [[COOKIE], false]);
      equal(((await look(browser)) as { userId: string }).userId, "ada");
      deepEqual([await look(before), await site.sessions.count()], [ANONYMOUS, 1]);
    },
  },
  {
    name: "E1: adopt: whoever logged in to the old application since, while it ran again, takes the place of who was here",
    settings: adopting("keep"),
    async run(site) {
      const { browser } = loggedInBefore(site);
      await look(browser);
      const [since] = loggedInBefore(site, "grace").browser.cookies;
      browser.cookies.set(...(since as [string, string]));
      deepEqual(await look(browser), { ...ADA, userId: "grace" });
      deepEqual([await look(browser), await site.sessions.count()], [{ ...ADA, userId: "grace" }, 1]);
    },
  },
];
