import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { root, tools } from "../tool-paths.mjs";
import { add, failure, NOTHING } from "./count.mjs";
import { runTool } from "./run-tool.mjs";

/** A project of vitest.config.ts as a suite; `filters` are parts of file names, none means all files. */
export function vitestProject(name, filters = []) {
  return {
    name,
    hasTests: true,
    async run(options) {
      const folder = mkdtempSync(join(tmpdir(), "sojourn-test-"));
      const reportFile = join(folder, "report.json");
      const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${reportFile}`];
      try {
        const code = await runTool(
          [tools.vitest, "run", "--project", name, "--passWithNoTests", ...reporters, ...filters],
          options,
        );
        return count(name, code, reportFile);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function count(name, code, reportFile) {
  if (!existsSync(reportFile))
    return code === 0 ? NOTHING : failure(`${name}: vitest ended with ${code} and no report`);
  const total = JSON.parse(readFileSync(reportFile, "utf8")).testResults.map(countFile).reduce(add, NOTHING);
  // For example an unhandled rejection: no test failed, yet something did.
  if (code !== 0 && total.failed === 0) return add(total, failure(`${name}: vitest ended with ${code}, see above`));
  return total;
}

function countFile(file) {
  const path = relative(root, file.name);
  const total = file.assertionResults.map((test) => countTest(path, test)).reduce(add, NOTHING);
  // A file that does not load has no tests that could fail.
  if (file.status === "failed" && total.failed === 0) return add(total, failure(`${path}: ${file.message}`));
  return total;
}

function countTest(path, test) {
  if (test.status === "passed") return { ...NOTHING, passed: 1 };
  if (test.status === "todo") return { ...NOTHING, todo: 1 };
  if (test.status === "skipped" || test.status === "disabled") return { ...NOTHING, skipped: 1 };
  const name = `${path}: ${test.fullName}`;
  return failure(test.status === "pending" ? `${name} (did not finish)` : name);
}
