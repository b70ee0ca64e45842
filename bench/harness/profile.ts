/** Where the CPU time of profiled contestants went: a text beside each `.cpuprofile`. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 40;

export function summarizeProfiles(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".cpuprofile"))) {
    const profile = JSON.parse(readFileSync(join(folder, name), "utf8")) as CpuProfile;
    writeFileSync(join(folder, name.replace(/\.cpuprofile$/, ".txt")), selfTimes(profile));
  }
}

/** Self time by function, idle left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): string {
  const places = new Map(
    nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName || "(anonymous)"} ${place(callFrame)}`]),
  );
  const micros = new Map<string, number>();
  samples.forEach((id, i) => {
    const where = places.get(id) ?? "";
    if (!where.startsWith("(idle)")) micros.set(where, (micros.get(where) ?? 0) + (timeDeltas[i] ?? 0));
  });
  const total = [...micros.values()].reduce((a, b) => a + b, 0);
  return [...micros]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([where, spent]) => `${((100 * spent) / total).toFixed(1).padStart(5)} %  ${where}\n`)
    .join("");
}

function place({ url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  return url === "" ? "" : `${url.replace(/^file:\/\/.*\/(?:node_modules|packages|bench)\//, "")}:${lineNumber + 1}`;
}
