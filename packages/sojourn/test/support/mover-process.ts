/**
 * A process of its own that moves sessions, and may be killed at any moment. Arguments: URLs of source and target, and after how
 * many sessions it kills itself: a little later, in the midst of what it does then.
 */

import { type MoveProgress, moveStore } from "../../src/stores/moving/index.ts";
import { type FromMover, openBoth } from "./moving-nodes.ts";

function tell(message: FromMover): void {
  process.send?.(message);
}

const [from = "", to = "", most = ""] = process.argv.slice(2);

function told(progress: MoveProgress): void {
  tell({ progress });
  if (progress.moved >= Number(most)) setTimeout(() => process.kill(process.pid, "SIGKILL"), Math.random() * 3);
}

const stores = await openBoth(from, to);
try {
  tell({ result: await moveStore(stores.from, stores.to, { onProgress: told }) });
} catch (error) {
  tell({ error: String(error) });
}
await Promise.all([stores.from.close(), stores.to.close()]);
process.disconnect?.();
