// Four processes that write to one sqlite file; exit code 1 when the event loop stood still too long or something was lost.
import { sqliteLoad } from "../packages/sojourn/test/processes/sqlite-load-report.ts";

process.exitCode = await sqliteLoad(process.argv.slice(2));
