/**
 * Numbers for Prometheus, in its text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).
 */

import { INSTRUMENTS, type Instrument, type Numbers } from "./instruments.ts";
import { DURATION_BOUNDS, type Histogram } from "./process-counts.ts";
import { metricsOf, type SessionMetrics } from "./session-metrics.ts";

export interface PrometheusOptions {
  /** Labels of every sample, such as `{ app: "shop" }`. Default none. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface PrometheusExposition {
  readonly contentType: string;
  /** Asks the store for what the whole namespace counts; while it does not answer, the rest comes. Never rejects. */
  text(): Promise<string>;
}

const SUFFIXES: Readonly<Record<string, string>> = { s: "_seconds", By: "_bytes" };
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * What a route for Prometheus answers.
 *
 * ```ts
 * const metrics = prometheus(sessions);
 * app.get("/metrics", async (req, res) => res.type(metrics.contentType).send(await metrics.text()));
 * ```
 * The route is for the operator: do not let the internet reach it.
 * @throws TypeError for anything but what createSessions() returned, and for a label that has no name or is one of ours
 */
export function prometheus(
  sessions: { readonly metrics: SessionMetrics },
  { labels = {} }: PrometheusOptions = {},
): PrometheusExposition {
  const metrics = metricsOf("prometheus", sessions);
  const taken = new Set(["le", ...INSTRUMENTS.flatMap((instrument) => instrument.labels)]);
  for (const name of Object.keys(labels)) {
    if (LABEL.test(name) && !name.startsWith("__") && !taken.has(name)) continue;
    throw new TypeError(`prometheus(): ${JSON.stringify(name)} cannot be a label here.`);
  }
  return {
    contentType: "text/plain; version=0.0.4; charset=utf-8",
    async text() {
      const numbers = await metrics.numbers();
      return INSTRUMENTS.map((instrument) => familyOf(instrument, numbers, labels)).join("");
    },
  };
}

/** As the OpenTelemetry specification translates names: unit, then `_total` for a counter. @internal */
export function prometheusName({ name, unit, kind }: Instrument): string {
  const suffix = `${SUFFIXES[unit] ?? ""}${kind === "counter" ? "_total" : ""}`;
  return name.replaceAll(".", "_") + suffix;
}

function familyOf(instrument: Instrument, numbers: Numbers, constant: Readonly<Record<string, string>>): string {
  const name = prometheusName(instrument);
  const lines: string[] = [];
  for (const [values, value] of instrument.read(numbers)) {
    const labels = {
      ...constant,
      ...Object.fromEntries(instrument.labels.map((label, i) => [label, values[i] ?? ""])),
    };
    if (typeof value === "number") lines.push(sample(name, labels, value));
    else lines.push(...bucketsOf(name, labels, value));
  }
  if (lines.length === 0) return "";
  return `# HELP ${name} ${instrument.help}\n# TYPE ${name} ${instrument.kind}\n${lines.join("\n")}\n`;
}

function bucketsOf(name: string, labels: Record<string, string>, { counts, sum }: Histogram): string[] {
  let count = 0;
  const buckets = counts.map((each, i) => {
    count += each;
    return sample(`${name}_bucket`, { ...labels, le: String(DURATION_BOUNDS[i] ?? "+Inf") }, count);
  });
  return [...buckets, sample(`${name}_sum`, labels, sum), sample(`${name}_count`, labels, count)];
}

function sample(name: string, labels: Record<string, string>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
