// Two applications behind nginx, rolled over under load; exit code 1 when anybody had to log in again.
import { adoptionReport } from "../e2e/adoption/report.ts";

process.exitCode = await adoptionReport(process.argv.slice(2));
