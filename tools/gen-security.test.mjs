import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsIn, idsOf, rows, stateOf, testsOf } from "./gen-security.mjs";

const testsIn = (text, path = "a.test.ts") => Object.fromEntries(testsOf([{ path, text }]));
const done = { id: "F2", requirement: "r", applies: "L", state: "done" };

void test("there are 93 rows, each once", () => {
  assert.equal(rows.length, 93);
  assert.equal(new Set(rows.map(({ id }) => id)).size, 93);
  for (const { id, requirement } of rows) assert.ok(requirement.split(" ").length <= 20, id);
});

void test("ids stand at the beginning of a title, alone, listed, or before a colon", () => {
  assert.deepEqual(idsOf("F2 nothing is written"), ["F2"]);
  assert.deepEqual(idsOf("H1, H2: the matrix"), ["H1", "H2"]);
  assert.deepEqual(idsOf("A4 N5 input of any type"), ["A4", "N5"]);
  assert.deepEqual(idsOf("the ring of A4 and N5"), []);
  assert.deepEqual(idsOf("CRC16 is the specification's"), []);
  assert.deepEqual(idsOf("A4x is no row"), []);
});

void test("titles are found in describe, test, test.each, wrappers and conformance cases", () => {
  assert.deepEqual(testsIn('describe("F2: writes", () => {});'), { F2: ["F2: writes"] });
  assert.deepEqual(testsIn('test.each(SAFE)("H1 safe %s", x);'), { H1: ["H1 safe %s"] });
  assert.deepEqual(testsIn('test.each(["a", "b"])("H3 %s", x);'), { H3: ["H3 %s"] });
  assert.deepEqual(testsIn('test.each([\n  ["a", 1],\n])("B9 %s", x);'), { B9: ["B9 %s"] });
  assert.deepEqual(testsIn('onRedis("A5 no piece", x);'), { A5: ["A5 no piece"] });
  assert.deepEqual(testsIn("  test(\n    `F2 with a ${name}`,"), { F2: ["F2 with a ${name}"] });
  assert.deepEqual(testsIn('{ name: "F3 all", run }', "src/testing/conformance/users.ts"), { F3: ["F3 all"] });
  assert.deepEqual(testsIn('{ name: "H4: x", run }', "src/testing/adapter-contract/cases.ts"), { H4: ["H4: x"] });
  assert.deepEqual(testsIn('{ name: "F3 all", run }'), {});
});

void test("a test that does not run proves nothing", () => {
  for (const text of ['test.todo("F2 later");', 'test.skip("F2 off", x);', 'describe.skip("F2 off", x);']) {
    assert.deepEqual(testsIn(text), {}, text);
  }
});

void test("a row that is done needs a test", () => {
  assert.deepEqual(faultsIn([done], new Map()), ["F2 is done, but no test names it"]);
  assert.deepEqual(faultsIn([done], new Map([["F2", ["F2 writes"]]])), []);
  assert.equal(stateOf(done, []), "**no test**");
});

void test("a test that names no row, a row without a state or without what brings it are faults", () => {
  assert.equal(faultsIn([], new Map([["F99", ["F99 x"]]])).length, 1);
  assert.equal(faultsIn([{ ...done, state: "nearly", by: 3 }], new Map()).length, 1);
  assert.equal(faultsIn([{ ...done, state: "partly" }], new Map()).length, 2);
});
