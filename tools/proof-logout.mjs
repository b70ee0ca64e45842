// Logout against writers in other processes, round after round; exit code 1 when a session was alive afterwards.
import { logoutProof } from "../packages/sojourn/test/processes/logout-proof.ts";

process.exitCode = await logoutProof(process.argv.slice(2));
