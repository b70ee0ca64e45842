import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RUNBOOKS, tried } from "./support/runbooks.ts";

const PAGE = join(import.meta.dirname, "..", "..", "..", "docs", "guide", "runbooks.md");

/** What must have come of it, in order, among all the rest. */
const OUTCOMES: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  "Redis is down": [/store_unavailable/, /check: 'connection',\s+level: 'problem'/, "PONG", "true", "[]"],
  "Failover by hand": [/role:slave/, "OK", "true", "{ ended: 1 }", "false"],
  "Memory is full": [
    /store_unavailable/,
    /logins will be refused/,
    "true",
    /noeviction/,
    "OK",
    "'grace'",
    /expired: 0/,
  ],
  "A backup was restored": ["true", "{ ended: 1 }", "false", /differences: {}/, "OK"],
  "A secret leaked": ["{ valid: true, reissued: true }", "'malformed'", "true"],
  "Everybody out": ["{ ended: 2 }", "{ ended: 1 }", "1", "{ ended: 1 }", "0", /reason: 'incident'/],
};

test.each(RUNBOOKS)("D7 runbook: $title", { timeout: 60_000 }, async (runbook) => {
  const said = await tried(runbook);
  const expected = OUTCOMES[runbook.title] ?? [];
  expect(said.map(({ answer }) => answer)).toEqual(
    expected.map((each) => (each instanceof RegExp ? expect.stringMatching(each) : each)),
  );
  const page = await readFile(PAGE, "utf8");
  for (const { line } of said) expect(page).toContain(`${line}\n`);
});
