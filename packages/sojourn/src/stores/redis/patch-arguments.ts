/** What `patch.lua` is told, behind its fence. */

import { MAX_FIELDS } from "../../data/record.ts";
import type { StoredChange } from "../../data/field-patch.ts";
import type { PatchInput } from "../../store/store.ts";

export function patchArguments(
  { changes, expectedRevision, guard, maxBytes }: PatchInput,
  operationKeptMs: number,
): (string | Buffer)[] {
  return [
    String(operationKeptMs),
    String(maxBytes),
    expectedRevision === undefined ? "" : String(expectedRevision),
    String(MAX_FIELDS),
    ...(guard === undefined ? [] : ["g", guard.name, guard.json ?? ""]),
    ...changes.flatMap(changeArguments),
  ];
}

function changeArguments(change: StoredChange): (string | Buffer)[] {
  switch (change.kind) {
    case "set":
      return ["s", change.name, change.json];
    case "seal":
      return ["e", change.name, change.bytes];
    case "delete":
      return ["d", change.name, ""];
    case "increment":
      return ["i", change.name, String(change.by)];
  }
}
