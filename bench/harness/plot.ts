/** Bars as SVG: one plot for each table of rates that asks to be drawn. */

import type { RateTable, Result } from "./result.ts";
import { summary } from "./statistics.ts";

const WIDTH = 720;
const NAME_WIDTH = 250;
const BAR_HEIGHT = 22;
const GAP = 10;
const TOP = 44;

/** File names and their content. */
export function plots(results: readonly Result[]): [name: string, svg: string][] {
  return results.flatMap((result) =>
    result.rates.flatMap((table): [string, string][] =>
      table.plot === undefined ? [] : [[`${table.plot}.svg`, bars(table)]],
    ),
  );
}

/** Medians as bars, least and greatest sample as a line on them. */
export function bars({ title, unit, rows }: Pick<RateTable, "title" | "unit" | "rows">): string {
  const drawn = rows.map(({ name, samples }) => ({ name, ...summary(samples.map((sample) => sample.rate)) }));
  const scale = (WIDTH - NAME_WIDTH - 90) / Math.max(...drawn.map((row) => row.max));
  const height = TOP + drawn.length * (BAR_HEIGHT + GAP);
  const lines = drawn.map((row, i) => {
    const y = TOP + i * (BAR_HEIGHT + GAP);
    const middle = y + BAR_HEIGHT / 2;
    const x = (rate: number): string => (NAME_WIDTH + rate * scale).toFixed(1);
    return [
      `<text x="${NAME_WIDTH - 8}" y="${middle + 4}" text-anchor="end">${escaped(row.name)}</text>`,
      `<rect x="${NAME_WIDTH}" y="${y}" width="${(row.median * scale).toFixed(1)}" height="${BAR_HEIGHT}" class="bar"/>`,
      `<line x1="${x(row.min)}" x2="${x(row.max)}" y1="${middle}" y2="${middle}" class="range"/>`,
      `<text x="${(NAME_WIDTH + row.max * scale + 8).toFixed(1)}" y="${middle + 4}">${Math.round(row.median).toLocaleString("en")}</text>`,
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    "<style>text{font:13px system-ui,sans-serif;fill:#24292f}.bar{fill:#4078c0}.range{stroke:#24292f;stroke-width:1.5}" +
      "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#58a6ff}.range{stroke:#e6edf3}}</style>",
    `<text x="8" y="24" style="font-weight:600">${escaped(title)}, ${unit} (median; line: least and greatest sample)</text>`,
    ...lines,
    "</svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
