/** JSON values that were decoded once and are kept, so that who asks gets a copy: it costs a fraction of decoding. */

export type JsonObject = Record<string, unknown>;

/** What `encodeValue` lets in is no deeper. */
const MAX_DEPTH = 64;
const OBJECT_BYTES = 64;
const ENTRY_BYTES = 24;
const STRING_BYTES = 24;

/** A copy that shares nothing that can be changed. */
export function copyOf(data: JsonObject): JsonObject {
  // Spreading defines: a name such as __proto__ is one as any other, and assigned to once it is there.
  const copy = { ...data };
  for (const name of Object.keys(copy)) {
    const value = copy[name];
    if (typeof value === "object" && value !== null) copy[name] = copyOfObject(value);
  }
  return copy;
}

function copyOfObject(value: object): unknown {
  if (!Array.isArray(value)) return copyOf(value as JsonObject);
  return value.map((each: unknown) => (typeof each === "object" && each !== null ? copyOfObject(each) : each));
}

/** One character beyond Latin-1 makes all of a text twice as wide. */
function bytesEach(text: string): number {
  return Buffer.byteLength(text) > text.length ? 2 : 1;
}

/** What a value takes on the heap, in bytes, rather too much; infinite for one that is too deep to be copied. */
export function heapBytesOf(value: unknown, depth = 0): number {
  if (typeof value === "string") return STRING_BYTES + value.length * bytesEach(value);
  if (typeof value !== "object" || value === null) return 0;
  if (depth > MAX_DEPTH) return Number.POSITIVE_INFINITY;
  let bytes = OBJECT_BYTES;
  for (const [name, inner] of Object.entries(value)) bytes += ENTRY_BYTES + name.length + heapBytesOf(inner, depth + 1);
  return bytes;
}
