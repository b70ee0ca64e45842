// Random commands with faults between them, on every engine, held against a model; exit code 1 on a violation.
import { proof } from "../packages/sojourn/test/model/proof.ts";

process.exitCode = await proof(process.argv.slice(2));
