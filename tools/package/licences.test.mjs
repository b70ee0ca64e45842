import assert from "node:assert/strict";
import { test } from "node:test";
import { usersMayInstall, weMayDevelopWith } from "./licences.mjs";

const cases = [
  // expression, users may install it, we may develop with it
  ["MIT", true, true],
  ["(MIT OR Apache-2.0)", true, true],
  ["MIT AND BSD-3-Clause", true, true],
  ["BlueOak-1.0.0", true, true],
  ["MPL-2.0", false, true],
  ["LGPL-3.0-only", false, true],
  ["MIT AND MPL-2.0", false, true],
  ["GPL-3.0-or-later", false, false],
  ["AGPL-3.0-or-later", false, false],
  ["SSPL-1.0", false, false],
  ["GPL-2.0", false, false],
  ["MIT AND GPL-2.0-only", false, false],
  ["(MIT AND AGPL-3.0-only) OR SSPL-1.0", false, false],
  ["(MIT OR GPL-2.0)", true, true],
  ["(GPL-2.0 OR MIT) AND ISC", true, true],
  ["UNLICENSED", false, true],
  ["", false, false],
  [undefined, false, false],
];

for (const [expression, users, development] of cases) {
  void test(`${expression}`, () => {
    assert.deepEqual([usersMayInstall(expression), weMayDevelopWith(expression)], [users, development]);
  });
}
