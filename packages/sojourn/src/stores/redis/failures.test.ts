import { expect, test } from "vitest";
import { classified, isPassing, leadingWord } from "./failures.ts";

/** As servers before 7.0 say it: spring-projects/spring-data-redis#3042. */
const IN_SCRIPT = "ERR Error running script (call to f_1028a5dba704): @user_script:4: @user_script: 4: -";

test.each([
  ["READONLY You can't write against a read only replica.", "read_only", true],
  ["OOM command not allowed when used memory > 'maxmemory'.", "full", false],
] as const)(
  "what a command within a script was refused with is known on Redis 6.2, too: %s",
  (refusal, reason, passes) => {
    for (const error of [new Error(refusal), new Error(IN_SCRIPT + refusal)]) {
      expect(isPassing(error)).toBe(passes);
      expect(classified(error, "unknown")).toMatchObject({ reason, outcome: "not_executed" });
    }
  },
);

test("an error of the script itself may have come after a write, and no answer at all is no refusal", () => {
  const own = new Error(
    "ERR Error running script (call to f_1028a5dba704): @user_script:4: attempt to index a nil value",
  );
  expect(leadingWord(own)).toBe("ERR");
  expect(classified(own, "unknown")).toMatchObject({ reason: "server", outcome: "unknown" });
  expect(leadingWord(new Error("read ECONNRESET"))).toBe("");
  expect(leadingWord("OOM")).toBe("");
});
