// docs/reference/errors.md from src/errors.ts: every class, its codes, its status, what it means.
import { readFileSync } from "node:fs";

const CLASS = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport class (\w+) extends SojournError \{([\s\S]*?)\n\}/g;

export function generate() {
  const source = readFileSync(new URL("../packages/sojourn/src/errors.ts", import.meta.url), "utf8");
  const rows = [...source.matchAll(CLASS)].flatMap(([, comment, name, body]) =>
    codesOf(body).map((code) => ({ code, name, status: statusOf(body), meaning: proseOf(comment) })),
  );
  const union = /export type ErrorCode =([^;]+);/.exec(source)?.[1] ?? "";
  const declared = [...union.matchAll(/"(\w+)"/g)].map((match) => match[1]);
  const documented = rows.map((row) => row.code).toSorted();
  if (documented.join() !== declared.toSorted().join()) {
    throw new Error(`ErrorCode and the classes differ: ${declared.join()} / ${documented.join()}`);
  }
  const lines = rows.toSorted((a, b) => (a.code < b.code ? -1 : 1)).map(tableRow);
  return `<!-- Made by tools/gen-errors.mjs from packages/sojourn/src/errors.ts. Do not edit. -->

# Errors

Not found and not valid are answers, never errors. Everything thrown on purpose is a \`SojournError\` with a stable
\`code\` and an HTTP \`status\`, except that a wrong call (a number where a string belongs) is a \`TypeError\`.

| code | class | status | meaning |
|---|---|---|---|
${lines.join("\n")}
`;
}

function tableRow({ code, name, status, meaning }) {
  return `| \`${code}\` | ${name} | ${status} | ${meaning} |`;
}

function codesOf(body) {
  const declaration = /readonly code(?:: | = )([^;]+);/.exec(body)?.[1] ?? "";
  return [...declaration.matchAll(/"(\w+)"/g)].map((match) => match[1]);
}

function statusOf(body) {
  return /readonly status = (\d+)/.exec(body)?.[1] ?? "500";
}

function proseOf(comment) {
  return comment
    .replace(/\n \* ?/g, " ")
    .replace(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .trim();
}
