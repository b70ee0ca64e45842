/** One session, its owner, perhaps a thief: a world of its own, which its seed and number repeat. */

import { Browser } from "./browser.ts";
import { Journal } from "./journal.ts";
import { Network } from "./network.ts";
import { Random } from "../support/random.ts";
import { Site } from "./site.ts";
import { type Rhythm, RHYTHMS, steal } from "./thief.ts";
import { Timeline } from "./timeline.ts";

const ROTATIONS = [{}, { every: "30s" }, { every: "2m" }, { every: "10m" }, { every: "1h" }] as const;

export interface WorldPlan {
  readonly seed: string;
  readonly number: number;
  /** How often the owner's browser asks the site. */
  readonly requests: number;
  readonly stolen: boolean;
}

export class World {
  readonly plan: WorldPlan;
  readonly journal = new Journal();
  readonly timeline = new Timeline();
  readonly rhythm: Rhythm;
  readonly rotation: (typeof ROTATIONS)[number];
  /** What failed: a bug in the library or here. */
  failure: unknown = null;
  #browser: Browser | null = null;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    const random = new Random(plan.seed, plan.stolen ? "stolen" : "honest", plan.number);
    this.rotation = random.pick(ROTATIONS);
    this.rhythm = random.pick(RHYTHMS);
    this.#live(random).catch((error: unknown) => {
      this.failure = error;
    });
  }

  get requests(): number {
    return this.#browser?.requests ?? 0;
  }

  async #live(random: Random): Promise<void> {
    const { timeline, journal, plan } = this;
    const site = new Site(timeline, random, journal, this.rotation);
    const network = new Network(timeline, random, journal, random.chance(0.5));
    const parts = { timeline, random, network, site, journal };
    const browser = new Browser(await site.logIn(), parts);
    this.#browser = browser;
    // Without `every` tokens of an older key are re-issued as they are, and a rotation of the application's beside that
    // could be overtaken (THREAT_MODEL.md): not promised, not simulated.
    const changing = "every" in this.rotation && random.chance(0.3) ? this.#changeSecrets(site, random) : null;
    const theft = plan.stolen ? this.#steal(browser, site, random) : null;
    await Promise.all([browser.use(plan.requests), changing, theft]);
  }

  async #changeSecrets(site: Site, random: Random): Promise<void> {
    await this.#until(random.whole(1, this.plan.requests));
    site.changeSecrets();
  }

  async #steal(browser: Browser, site: Site, random: Random): Promise<void> {
    await this.#until(random.whole(1, this.plan.requests));
    if (browser.jar === null || browser.closed) return;
    // Some owners never come back.
    if (random.chance(0.15)) browser.close();
    await steal(browser.jar, this.rhythm, { timeline: this.timeline, random, site, journal: this.journal });
  }

  /** Until the owner has made so many requests, or leaves. */
  async #until(requests: number): Promise<void> {
    while (this.requests < requests && this.#browser?.closed !== true) await this.timeline.sleep(500);
  }
}
