import { exitCodeOf, runChild } from "../setup/child.mjs";
import { root } from "../tool-paths.mjs";

/** Someone pressed Ctrl-C, or the run was told to end: the suites that are left must not start. */
export class Interrupted extends Error {}

/** Runs a JavaScript tool with this Node; answers its exit code. `timeoutMs`: then it is told to end. */
export async function runTool(command, { timeoutMs }) {
  const result = await runChild(process.execPath, command, { cwd: root, timeout: timeoutMs });
  if (result.interrupted) throw new Interrupted(result.interrupted);
  return exitCodeOf(result);
}
