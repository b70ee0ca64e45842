/** Reads Prometheus's text format back, strictly. */

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?:^|,)(?<label>[a-zA-Z_][a-zA-Z0-9_]*)="(?<text>(?:[^"\\\n]|\\[\\"n])*)"/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ["_bucket", "_sum", "_count"] };

/** Families by name. @throws Error for what Prometheus would refuse */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  let [current, help] = ["", ""];
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (kind === "HELP") help = rest;
    else if (kind === "TYPE") {
      if (families.has(name)) throw new Error(`${name} comes twice`);
      families.set((current = name), { type: rest, help, samples: [] });
    } else {
      const family = families.get(current);
      const sample = parseSample(line);
      const names = (SUFFIXES[family?.type ?? ""] ?? [""]).map((suffix) => current + suffix);
      if (family === undefined || !names.includes(sample.name)) throw new Error(`stray: ${line}`);
      if (family.samples.some((other) => keyOf(other) === keyOf(sample))) throw new Error(`twice: ${line}`);
      family.samples.push(sample);
    }
  }
  return families;
}

/** `name{a="1",b="2"}` → value, labels in alphabetical order. */
export function valuesIn(text: string): Record<string, number> {
  const samples = [...parseExposition(text).values()].flatMap((family) => family.samples);
  return Object.fromEntries(samples.map((sample) => [keyOf(sample), sample.value]));
}

export function keyOf({ name, labels }: Pick<Sample, "name" | "labels">): string {
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? name : `${name}{${pairs.map(([label, text]) => `${label}="${text}"`).join(",")}}`;
}

function parseSample(line: string): Sample {
  const { name = "", labels = "", value = "" } = LINE.exec(line)?.groups ?? {};
  if (name === "" || !Number.isFinite(Number(value))) throw new Error(`no sample: ${line}`);
  const found: Record<string, string> = {};
  let end = 0;
  for (LABEL.lastIndex = 0; LABEL.lastIndex < labels.length; ) {
    const { label, text = "" } = LABEL.exec(labels)?.groups ?? {};
    if (label === undefined) throw new Error(`broken labels at ${end}: ${line}`);
    end = LABEL.lastIndex;
    found[label] = text.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  }
  return { name, labels: found, value: Number(value) };
}
