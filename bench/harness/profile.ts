/** Where the CPU time of profiled contestants went: a text beside each `.cpuprofile`, and profiles small enough to be kept. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: number[] | undefined;
}

/** As V8 and the browsers' tools have it. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime?: number;
  readonly endTime?: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 40;
const NOT_ITS_WORK = /^\(idle\)|^post node:inspector/;
/** Results are committed, so that a profile among them must be small. */
const MAX_BYTES = 280_000;

export function summarizeProfiles(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".cpuprofile"))) {
    const profile = JSON.parse(readFileSync(join(folder, name), "utf8")) as CpuProfile;
    writeFileSync(join(folder, name.replace(/\.cpuprofile$/, ".txt")), selfTimes(profile));
  }
}

/** Self time by function; idle and the profiler itself left out. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile, shown = SHOWN): string {
  const places = new Map(
    nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName || "(anonymous)"} ${place(callFrame)}`]),
  );
  const micros = new Map<string, number>();
  samples.forEach((id, i) => {
    const where = places.get(id) ?? "";
    if (!NOT_ITS_WORK.test(where)) micros.set(where, (micros.get(where) ?? 0) + (timeDeltas[i] ?? 0));
  });
  const total = [...micros.values()].reduce((a, b) => a + b, 0);
  return [...micros]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, shown)
    .map(([where, spent]) => `${((100 * spent) / total).toFixed(1).padStart(5)} %  ${where}\n`)
    .join("");
}

function place({ url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  return url === "" ? "" : `${url.replace(/^file:\/\/.*\/(?:node_modules|packages|bench)\//, "")}:${lineNumber + 1}`;
}

/** The text of a profile without paths of this machine: its last samples, as many as the size allows. */
export function smallProfile(profile: CpuProfile, maxBytes = MAX_BYTES): string {
  for (let kept = profile.samples.length; ; kept = Math.floor(kept / 2)) {
    const text = `${JSON.stringify(lastSamples(profile, kept))}\n`;
    if (text.length <= maxBytes || kept === 0) return text;
  }
}

/** The last so many samples, and of the tree what they need. */
function lastSamples({ nodes, samples, timeDeltas }: CpuProfile, kept: number): CpuProfile {
  const last = samples.slice(samples.length - kept);
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const needed = new Set<number>();
  for (const sample of last) {
    for (let id: number | undefined = sample; id !== undefined && !needed.has(id); id = parents.get(id)) needed.add(id);
  }
  const deltas = timeDeltas.slice(timeDeltas.length - kept);
  return {
    nodes: nodes.filter(({ id }) => needed.has(id)).map((node) => withoutPositions(node, needed)),
    startTime: 0,
    endTime: deltas.reduce((a, b) => a + b, 0),
    samples: last,
    timeDeltas: deltas,
  };
}

function withoutPositions({ id, callFrame, children = [] }: ProfileNode, needed: ReadonlySet<number>): ProfileNode {
  return {
    id,
    callFrame: { ...callFrame, url: shortened(callFrame.url) },
    children: children.filter((child) => needed.has(child)),
  };
}

function shortened(url: string): string {
  return url.replace(/^file:\/\/.*\/(node_modules|packages|bench)\//, "$1/");
}
