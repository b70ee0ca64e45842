/** Policies: named lifetimes. The numbers of the built-in ones stand in `options.ts`. */

import { ConfigError } from "../errors.ts";
import { type Duration, parseDuration } from "../duration.ts";
import { DEFAULTS } from "../options.ts";

export interface PolicyOptions {
  /** Ends the session when it was not used for so long. */
  readonly idle: Duration;
  /**
   * Locks the session when it was not used for so long: good again after `reauthenticate`, until it ends (NIST SP
   * 800-63B-4 §2.2.3). Shorter than `idle`. Default never.
   */
  readonly lockAfter?: Duration;
  /** Ends the session this long after it began, whatever happens (ASVS 7.3.2). */
  readonly absolute: Duration;
  /** How often activity is stored. Default idle/20, at least 5 s, at most 10 min. */
  readonly touchInterval?: Duration;
  /** Whether the cookie outlives the browser. Default false (NIST SP 800-63B-4 5.1). */
  readonly persistent?: boolean;
  /** Assurance level a session of this policy starts with unless `create` says otherwise. Default 1 with a user, else 0. */
  readonly aal?: 0 | 1 | 2 | 3;
  /** Why a policy with an assurance level is looser than NIST SP 800-63B-4 has it; needed if it is (ASVS 7.1.1). */
  readonly justification?: string;
}

/** @internal */
export interface Policy {
  readonly name: string;
  readonly idleMs: number;
  /** Infinity: never. */
  readonly lockAfterMs: number;
  readonly absoluteMs: number;
  readonly touchIntervalMs: number;
  readonly persistent: boolean;
  readonly aal: number | null;
}

const MIN_TOUCH_INTERVAL_MS = 5_000;
const MAX_TOUCH_INTERVAL_MS = 600_000;

/** @internal */
export class Policies {
  readonly #byName: ReadonlyMap<string, Policy>;
  readonly #fallback: Policy;
  readonly longestAbsoluteMs: number;
  readonly #shortestTouchIntervalMs: number;
  /** The same of the policies with one idle timeout. */
  readonly #byIdle = new Map<number, number>();
  readonly shortestLockMs: number;

  /** @throws ConfigError for a wrong duration, an idle timeout over the absolute one, or an unknown default. */
  constructor(options: Readonly<Record<string, PolicyOptions>>, defaultPolicy: string) {
    this.#byName = new Map(Object.entries(options).map(([name, each]) => [name, parsePolicy(name, each)]));
    this.#fallback = this.named(defaultPolicy, "defaultPolicy");
    const all = [...this.#byName.values()];
    this.#shortestTouchIntervalMs = Math.min(...all.map((policy) => policy.touchIntervalMs));
    for (const { idleMs, touchIntervalMs } of all) {
      this.#byIdle.set(idleMs, Math.min(touchIntervalMs, this.#byIdle.get(idleMs) ?? touchIntervalMs));
    }
    this.shortestLockMs = Math.min(...all.map((policy) => policy.lockAfterMs));
    this.longestAbsoluteMs = Math.max(...all.map((policy) => policy.absoluteMs));
  }

  /** @throws ConfigError when there is no policy of that name. */
  named(name: string | undefined, option = "policy"): Policy {
    if (name === undefined) return this.#fallback;
    const policy = this.#byName.get(name);
    if (policy === undefined) {
      throw new ConfigError(
        `Option ${option} names no policy: ${JSON.stringify(name)}. There are: ${[...this.#byName.keys()].join(", ")}.`,
      );
    }
    return policy;
  }

  /** @param fallback where there is none of that name. */
  orElse(name: string, fallback: PolicyOptions): Policy {
    return this.#byName.get(name) ?? parsePolicy(name, fallback);
  }

  /**
   * That policy if it lets a session go unused for so long; else the persistent one with the shortest idle timeout that
   * does, or, if none does, that policy.
   */
  lasting(name: string, idleMs: number): string {
    if (idleMs <= this.idleMsOf(name, 0)) return name;
    const fit = [...this.#byName.values()].filter((policy) => policy.persistent && policy.idleMs >= idleMs);
    return fit.toSorted((a, b) => a.idleMs - b.idleMs)[0]?.name ?? name;
  }

  /** A touch interval without the name of its policy: that one's is as long or longer. */
  shortestTouchIntervalOf(idleMs: number): number {
    // A session from before its policy got `lockAfter` must not look unused.
    const known = Number.isFinite(this.shortestLockMs) ? undefined : this.#byIdle.get(idleMs);
    return known ?? this.#shortestTouchIntervalMs;
  }

  /** How often activity of a stored session is stored; its policy may have been removed since. */
  touchIntervalOf(name: string, idleMs: number): number {
    return this.#byName.get(name)?.touchIntervalMs ?? defaultTouchInterval(idleMs);
  }

  /** Idle timeout of a session once its token came back; its policy may have been removed since. */
  idleMsOf(name: string, fallbackMs: number): number {
    return this.#byName.get(name)?.idleMs ?? fallbackMs;
  }

  /** How long a session may go unused before it is locked; its policy may have been removed since. */
  lockAfterMsOf(name: string): number {
    return this.#byName.get(name)?.lockAfterMs ?? Number.POSITIVE_INFINITY;
  }

  /** Lifetime of a session from an authentication on; its policy may have been removed since. */
  absoluteMsOf(name: string, fallbackMs: number): number {
    return this.#byName.get(name)?.absoluteMs ?? fallbackMs;
  }

  /** Whether the cookie of a session of that policy outlives the browser. */
  isPersistent(name: string): boolean {
    return this.#byName.get(name)?.persistent ?? false;
  }
}

function parsePolicy(name: string, options: PolicyOptions | undefined): Policy {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError(`Option policies.${name} must be { idle, absolute }, not ${String(options)}.`);
  }
  if (options.aal !== undefined && ![0, 1, 2, 3].includes(options.aal)) {
    throw new ConfigError(`Option policies.${name}.aal must be 0, 1, 2 or 3, not ${String(options.aal)}.`);
  }
  const idleMs = parseDuration(`policies.${name}.idle`, options.idle);
  const absoluteMs = parseDuration(`policies.${name}.absolute`, options.absolute);
  if (idleMs > absoluteMs)
    throw new ConfigError(`Policy ${name}: idle (${options.idle}) is longer than absolute (${options.absolute}).`);
  const lockAfterMs =
    options.lockAfter === undefined
      ? Number.POSITIVE_INFINITY
      : parseDuration(`policies.${name}.lockAfter`, options.lockAfter);
  if (options.lockAfter !== undefined && lockAfterMs >= idleMs) {
    throw new ConfigError(
      `Policy ${name}: lockAfter (${options.lockAfter}) must be shorter than idle (${options.idle}).`,
    );
  }
  const unusedMs = Math.min(idleMs, lockAfterMs);
  const touchIntervalMs =
    options.touchInterval === undefined
      ? defaultTouchInterval(unusedMs)
      : parseDuration(`policies.${name}.touchInterval`, options.touchInterval);
  if (touchIntervalMs >= unusedMs) {
    throw new ConfigError(
      `Policy ${name}: touchInterval (${touchIntervalMs} ms) must be shorter than idle (${options.idle}) and lockAfter.`,
    );
  }
  requireJustified(name, options, { unusedMs, absoluteMs });
  return {
    name,
    idleMs,
    lockAfterMs,
    absoluteMs,
    touchIntervalMs,
    persistent: options.persistent ?? false,
    aal: options.aal ?? null,
  };
}

/** The built-in policies aal1, aal2, aal3 are the most that NIST allows; a lock asks for the user as the end would. */
function requireJustified(
  name: string,
  { aal = 0, justification }: PolicyOptions,
  { unusedMs, absoluteMs }: { readonly unusedMs: number; readonly absoluteMs: number },
): void {
  if (justification !== undefined && (typeof justification !== "string" || justification.trim() === "")) {
    throw new ConfigError(`Option policies.${name}.justification must be a sentence.`);
  }
  if (aal === 0 || justification !== undefined) return;
  const { idle, absolute } = DEFAULTS.policies[`aal${aal}`];
  if (unusedMs <= parseDuration("idle", idle) && absoluteMs <= parseDuration("absolute", absolute)) return;
  throw new ConfigError(
    `Policy ${name} lasts longer than NIST SP 800-63B-4 allows at assurance level ${aal} (idle or lockAfter ${idle}, absolute ${absolute}): shorten it, or say why in justification.`,
  );
}

/** clamp(idle/20, 5 s, 10 min), and never as long as a very short idle timeout itself. @internal */
export function defaultTouchInterval(idleMs: number): number {
  const interval = Math.min(Math.max(idleMs / 20, MIN_TOUCH_INTERVAL_MS), MAX_TOUCH_INTERVAL_MS);
  return Math.floor(Math.min(interval, idleMs / 2));
}
