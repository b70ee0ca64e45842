/** The simulation as text. */

import type { CopyCount, Simulation } from "./simulation.ts";
import { RHYTHMS } from "./thief.ts";

export function reportOf(simulation: Simulation): string {
  const { sessions, requests, renewals, lostResponses, cutOrHeld, setBack, logouts, alarms, missed } = simulation;
  const rhythms = RHYTHMS.map(({ name }) => name).filter((name) => simulation.copies.has(name));
  return [
    `${sessions} sessions and ${simulation.stolen} more whose cookie was copied`,
    `${requests} requests, ${renewals} renewals, ${lostResponses} responses lost, ${cutOrHeld} messages cut or held up by a change of networks,`,
    `${setBack} times an older token came back into a jar, ${logouts} logouts`,
    "",
    ...first(alarms, "false alarms"),
    ...first(missed, "copies that broke the rule unseen"),
    "",
    "copies, by how the thief used them: caught after 0, 1, 2 renewals; not caught within two, and why",
    ...rhythms.flatMap((name) => linesOf(name, simulation.copies.get(name))),
  ].join("\n");
}

const SHOWN = 5;

function first(cases: readonly string[], what: string): string[] {
  return [`${cases.length} ${what}`, ...cases.slice(0, SHOWN)];
}

function linesOf(name: string, count: CopyCount | undefined): string[] {
  if (count === undefined) return [];
  const later = count.caughtLater > 0 ? `, of the following ${count.caughtLater} later` : "";
  return [
    `  ${name}: ${count.caught.join(", ")}${later}`,
    ...[...count.notCaught].toSorted(([, a], [, b]) => b - a).map(([reason, n]) => `      ${n}  ${reason}`),
  ];
}
