/** The totals of all buckets, summed. Their fields stand in `scripts/_totals.lua`. */

import { firstRecentHour, Tally, type Totals } from "../../store/totals.ts";
import type { ScriptAnswer } from "./redis-connection.ts";

/** @param answers of the script `totals` */
export function totalsOf(answers: readonly ScriptAnswer[], now: number): Totals {
  const tally = new Tally();
  const first = firstRecentHour(now);
  for (const answer of answers) {
    const fields = answer.textsFrom(2);
    for (let i = 0; i + 1 < fields.length; i += 2) addField(tally, fields[i] ?? "", fields[i + 1] ?? "", first);
  }
  return tally.totals(now);
}

function addField(tally: Tally, field: string, value: string, firstHour: number): void {
  if (field === "c") tally.created += Number(value);
  else if (field === "d") tally.durationMs += Number(value);
  else if (field.startsWith("r:")) tally.addEnded(field.slice(2), Number(value));
  else if (field.startsWith("w")) {
    const [hour = 0, ended = 0, durationMs = 0] = value.split(" ").map(Number);
    if (hour >= firstHour) tally.addHour(hour, ended, durationMs);
  }
}
