// Tries every runbook on a server of its own and writes docs/guide/runbooks.md with what was typed and answered.
import { writeFileSync } from "node:fs";
import { RUNBOOKS, tried } from "../packages/sojourn/test/support/runbooks.ts";

const sections = [];
for (const runbook of RUNBOOKS) {
  const said = await tried(runbook);
  const transcript = said.map(({ line, answer }) => `${line}\n${answer}`).join("\n");
  sections.push(`## ${runbook.title}\n\n${runbook.when}\n\n\`\`\`\n${transcript}\n\`\`\`\n\n${runbook.after}`);
  console.log(`${runbook.title}\n${transcript}\n`);
}
writeFileSync(
  new URL("../docs/guide/runbooks.md", import.meta.url),
  `<!-- Made by \`npm run runbooks\` (tools/runbooks.mjs) from a run. Do not edit. -->

# Runbooks

What to type when it happens. Lines with \`$\` go to a shell, lines with \`>\` run in a process that has your \`sessions\` (a
one-off script with the same store, secrets and namespace does). Each was tried as it stands; the answers are those of the run, on Redis 7.0.

First of all: \`await sessions.diagnose()\`. [What it looks at](../reference/redis.md#is-mine-right).

${sections.join("\n\n")}
`,
);
console.log("wrote   docs/guide/runbooks.md");
