// Writers and consumers of events that are killed with SIGKILL, 100 times (or as often as the argument says), on Redis and on
// sqlite. Prints what the consumers got; exit code 1 when an event was lost or changed, or a session did not begin and
// end exactly once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventStorm } from "../packages/sojourn/test/support/event-storm.ts";
import { startRedis } from "../packages/sojourn/test/support/redis-server.ts";

const kills = Number(process.argv[2] ?? 100);
const server = await startRedis();
const folder = mkdtempSync(join(tmpdir(), "sojourn-events-"));
process.exitCode = 0;
for (const [engine, url] of [
  ["redis", server.url],
  ["sqlite", `sqlite:${join(folder, "sessions.db")}`],
]) {
  const { stats, counts, duplicates, altered, broken, killed } = await eventStorm(url, kills);
  console.log(`${engine}: ${killed} processes killed; sessions began ${stats.created}, ended ${stats.ended}`);
  console.log(`  events ${JSON.stringify(counts)}; delivered again ${duplicates}, differing ${altered}`);
  console.log(`  sessions that did not begin and end exactly once: ${broken}`);
  const isWhole = counts.created === stats.created && counts.ended === stats.ended && stats.created === stats.ended;
  if (!isWhole || altered > 0 || broken > 0) process.exitCode = 1;
}
await server.stop();
rmSync(folder, { recursive: true, force: true });
