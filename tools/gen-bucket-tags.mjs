// Hash tags of the 1,024 buckets, chosen so that bucket b lands on slot floor((b + 1/2) * 16384 / 1024):
// evenly spaced, so that no shard of a cluster gets more than its share (CRC16 of plain numbers does not do that).
const SLOTS = 16_384;
const BUCKETS = 1024;
const CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz";

/** CRC16-CCITT (XMODEM), as the Redis cluster specification has it. */
function crc16(text) {
  let crc = 0;
  for (const character of text) {
    crc ^= character.charCodeAt(0) << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

function* tags(length) {
  if (length === 0) yield "";
  else for (const head of tags(length - 1)) for (const character of CHARACTERS) yield head + character;
}

export function generate() {
  const tagOfSlot = new Map();
  for (const length of [2, 3, 4]) {
    for (const tag of tags(length)) {
      const slot = crc16(tag) % SLOTS;
      if (!tagOfSlot.has(slot)) tagOfSlot.set(slot, tag);
    }
  }
  const chosen = Array.from({ length: BUCKETS }, (_, b) => tagOfSlot.get(Math.floor(((b + 0.5) * SLOTS) / BUCKETS)));
  return `// Made by tools/gen-bucket-tags.mjs. Do not edit: stored keys carry these tags.\nexport const BUCKET_TAGS: readonly string[] = (\n  "${chosen.join(" ")}"\n).split(" ");\n`;
}
