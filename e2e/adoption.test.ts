/** The old application and the new one side by side behind nginx: nobody is logged out by rolling forward or back. */

import { expect, test } from "vitest";
import { rollOver } from "./adoption/roll-over.ts";

test("adopt: 200 browsers of express-session rolled forward, back and forward: no forced login, nothing lost, and a logout ends both", async () => {
  const { forcedLogins, lost, stayedBehindForward, adopted, aliveAfterLogout } = await rollOver({ jars: 200 });
  expect({ forcedLogins, lost, stayedBehindForward, adopted, aliveAfterLogout }).toEqual({
    forcedLogins: 0,
    lost: 0,
    stayedBehindForward: 0,
    adopted: 200,
    aliveAfterLogout: 0,
  });
}, 120_000);
