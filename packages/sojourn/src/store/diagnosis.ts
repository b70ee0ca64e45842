/** What a store says of its server and of how that is set: for a check at deployment, and for whoever is on call. */

export type FindingLevel = "ok" | "warning" | "problem";

/** What is looked at; which of them apply depends on the engine. */
export type CheckName =
  | "connection"
  | "server"
  | "scripts"
  | "namespace"
  | "cluster"
  | "replicas"
  | "eviction"
  | "memory"
  | "persistence"
  | "disk"
  | "latency"
  | "clock"
  | "rights"
  | "subscribers"
  | "idleTimeout";

export interface Finding {
  readonly check: CheckName;
  /** A problem breaks a promise of the library now or at the next failure; a warning says what it costs, or that it is not known. */
  readonly level: FindingLevel;
  readonly found: string;
  /** What to do about it, in a sentence. Null where all is well. */
  readonly fix: string | null;
}

export type Verdict = Omit<Finding, "check">;

export function well(found: string): Verdict {
  return { level: "ok", found, fix: null };
}

export function warning(found: string, fix: string): Verdict {
  return { level: "warning", found, fix };
}

export function problem(found: string, fix: string): Verdict {
  return { level: "problem", found, fix };
}

/** `1.5 GB` */
export function inBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`;
}
