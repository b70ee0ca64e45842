import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const tsc = join(import.meta.dirname, "../../../../node_modules/.bin/tsc");

test("the store fits the types of express-session and @fastify/session", async () => {
  const checked = promisify(execFile)(tsc, ["-p", join(import.meta.dirname, "types")]).catch((error: unknown) => error);
  expect(await checked).toEqual({ stdout: "", stderr: "" });
}, 60_000);
