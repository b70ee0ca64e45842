/** A process of its own that reaps until it is killed. Arguments: store URL, milliseconds that its clock is ahead. */

import { createSessions } from "../../src/index.ts";
import { openStore } from "../../src/open.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { TEST_SECRET } from "./secrets.ts";

const [url = "", ahead = "0"] = process.argv.slice(2);
const clock = manualClock();
await clock.advance(Number(ahead));
const store = await openStore(url, { clock });
const sessions = createSessions({ store, secrets: [TEST_SECRET], clock, reaper: { every: "1s" } });
await sessions.ready();
process.send?.("ready");
process.once("disconnect", () => process.exit());
