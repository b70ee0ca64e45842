/** Bars as SVG. */

import type { RateTable, Result } from "./result.ts";
import type { Sampled } from "./rounds.ts";
import { summary } from "./statistics.ts";

const WIDTH = 760;
const NAME_WIDTH = 260;
const VALUE_WIDTH = 80;
const BAR_HEIGHT = 20;
const GAP = 7;
const TOP = 44;
const GROUP_TOP = 30;
/** Names of rows that are ours: their bars stand out. */
const OURS = /^sojourn/;

export interface BarGroup {
  readonly title: string;
  readonly rows: readonly Sampled[];
}

/** One plot for each table that asks to be drawn, under the name it gives; tables of one name share a plot. */
export function plots(results: readonly Result[]): [name: string, svg: string][] {
  const tables = results.flatMap(({ title, rates }) => rates.map((table) => ({ title, table })));
  const drawn = Map.groupBy(tables, ({ table }) => table.plot);
  return [...drawn].flatMap(([name, all]): [string, string][] => {
    const first = all[0]?.table;
    if (name === undefined || first === undefined) return [];
    const groups = all.map(({ title, table }) => ({ title, rows: table.rows }));
    return [[`${name}.svg`, bars(first, groups)]];
  });
}

/** Medians as bars, least and greatest sample as a line on them; all groups to one scale. */
export function bars({ title, unit }: Pick<RateTable, "title" | "unit">, groups: readonly BarGroup[]): string {
  const scale =
    (WIDTH - NAME_WIDTH - VALUE_WIDTH) /
    Math.max(...groups.flatMap(({ rows }) => rows.map((row) => summary(ratesOf(row)).max)));
  let y = TOP;
  const lines = groups.flatMap((group) => {
    const heading = `<text x="${NAME_WIDTH}" y="${y + GROUP_TOP - 12}" class="group">${escaped(group.title)}</text>`;
    y += GROUP_TOP;
    const drawn = group.rows.map((row, i) => bar(row, y + i * (BAR_HEIGHT + GAP), scale));
    y += group.rows.length * (BAR_HEIGHT + GAP);
    return [heading, ...drawn];
  });
  const label = `${escaped(title)}, ${unit}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + GAP}" role="img" aria-label="${label}">`,
    "<style>text{font:13px system-ui,sans-serif;fill:#24292f}.group,.title{font-weight:600}.bar{fill:#8c959f}.ours{fill:#1f6feb}" +
      ".range{stroke:#24292f;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#6e7681}" +
      ".ours{fill:#58a6ff}.range{stroke:#e6edf3}}</style>",
    `<text x="8" y="24" class="title">${label} (median; line: least and greatest sample)</text>`,
    ...lines,
    "</svg>\n",
  ].join("\n");
}

function bar(row: Sampled, y: number, scale: number): string {
  const { median, min, max } = summary(ratesOf(row));
  const middle = y + BAR_HEIGHT / 2;
  const x = (rate: number): string => (NAME_WIDTH + rate * scale).toFixed(1);
  return [
    `<text x="${NAME_WIDTH - 8}" y="${middle + 4}" text-anchor="end">${escaped(row.name)}</text>`,
    `<rect x="${NAME_WIDTH}" y="${y}" width="${(median * scale).toFixed(1)}" height="${BAR_HEIGHT}" class="bar${OURS.test(row.name) ? " ours" : ""}"/>`,
    `<line x1="${x(min)}" x2="${x(max)}" y1="${middle}" y2="${middle}" class="range"/>`,
    `<text x="${(NAME_WIDTH + max * scale + 8).toFixed(1)}" y="${middle + 4}">${Math.round(median).toLocaleString("en")}</text>`,
  ].join("\n");
}

function ratesOf({ samples }: Sampled): number[] {
  return samples.map((sample) => sample.rate);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
