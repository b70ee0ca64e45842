/** The roll-over as a program: `npm run adopt`. */

import { parseArgs } from "node:util";
import { rollOver } from "./roll-over.ts";

const USAGE = "Usage: npm run adopt -- [--jars N]     browsers that are logged in when it begins (default: 1000)";

/** Answers the exit code: 0 when nobody had to log in again, nothing was lost, and nobody was there after a logout. */
export async function adoptionReport(args: readonly string[]): Promise<number> {
  const jars = jarsIn(args);
  if (jars === null) {
    console.error(USAGE);
    return 2;
  }
  const began = performance.now();
  const result = await rollOver({ jars, tell: console.log });
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `${result.jars} browsers, ${result.requests} requests and more, ${seconds} s; ${result.adopted} taken over`,
  );
  console.log(`forced logins: ${result.forcedLogins}`);
  console.log(`lost data: ${result.lost}`);
  console.log(`written to the old application after the take-over, rolling forward: ${result.stayedBehindForward}`);
  console.log(`  while rolled back, and only there: ${result.stayedBehind - result.stayedBehindForward}`);
  console.log(`cookies that were somebody's after the logout, in either application: ${result.aliveAfterLogout}`);
  const { forcedLogins, lost, stayedBehindForward, aliveAfterLogout, adopted } = result;
  return forcedLogins + lost + stayedBehindForward + aliveAfterLogout + (jars - adopted) === 0 ? 0 : 1;
}

function jarsIn(args: readonly string[]): number | null {
  try {
    const { values } = parseArgs({ args: [...args], options: { jars: { type: "string", default: "1000" } } });
    const jars = Number(values.jars);
    return Number.isInteger(jars) && jars > 0 ? jars : null;
  } catch {
    return null;
  }
}
