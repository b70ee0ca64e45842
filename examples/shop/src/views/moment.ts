import { html, type Html } from "./html.ts";

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

function ago(at: number, now: number): string {
  for (const [unit, size] of units) {
    if (now - at >= size) return relative.format(-Math.floor((now - at) / size), unit);
  }
  return "just now";
}

/** A moment as people say it, the exact time on hover. */
export function moment(at: number, now: number): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${absolute.format(at)} UTC">${ago(at, now)}</time>`;
}
