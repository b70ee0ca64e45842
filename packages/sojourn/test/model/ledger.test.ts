import { expect, test } from "vitest";
import { Ledger } from "./ledger.ts";
import { UNKNOWN, type Write } from "./write.ts";

const SESSION = "an id";

function write(about: Partial<Write>): Write {
  return {
    text: "",
    call: {},
    session: null,
    needsOperationIds: false,
    send: () => Promise.reject(new Error("never sent")),
    view: () => ({}),
    messages: () => {
      throw new Error("never predicted");
    },
    ...about,
  };
}

function check(ledger: Ledger, count: number): () => void {
  return () => ledger.checkRecord(SESSION, "s1", { count });
}

test("an acknowledged ending must stay, one that may not have happened need not", () => {
  const ledger = new Ledger();
  const ending = write({ endedBy: ({ ended }) => (ended === true ? [SESSION] : []) });
  ledger.note(ending, UNKNOWN);
  ledger.note(ending, { ended: false, record: null });
  expect(check(ledger, 0)).not.toThrow();
  ledger.note(ending, { ended: true, record: null });
  expect(check(ledger, 0)).toThrow("an acknowledged ending was undone: s1 is there again");
});

test("acknowledged increments must be there, those of unknown outcome may be, and no others", () => {
  const ledger = new Ledger();
  const [certain, perhaps] = [write({ counts: SESSION }), write({ counts: SESSION })];
  ledger.note(certain, { status: "patched" });
  ledger.note(perhaps, UNKNOWN);
  expect(check(ledger, 0)).toThrow("an acknowledged write was lost: s1 counts 0 of 1 increments");
  expect(check(ledger, 1)).not.toThrow();
  expect(check(ledger, 2)).not.toThrow();
  expect(check(ledger, 3)).toThrow("a write was counted twice: s1 counts 3 of at most 2");
});

test("a write that is sent again counts once", () => {
  const ledger = new Ledger();
  const again = write({ counts: SESSION });
  ledger.note(again, UNKNOWN);
  ledger.note(again, { status: "patched" });
  ledger.note(again, { status: "patched" });
  expect(check(ledger, 1)).not.toThrow();
  expect(check(ledger, 2)).toThrow("counted twice");
});
