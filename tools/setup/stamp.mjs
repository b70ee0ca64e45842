import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A note in `node_modules` of what was last done there; it goes when `node_modules` goes. */
export function stamp(root, name) {
  const file = join(root, "node_modules", name);
  return {
    says(value) {
      try {
        return readFileSync(file, "utf8") === value;
      } catch {
        return false;
      }
    },
    write: (value) => writeFileSync(file, value),
  };
}
