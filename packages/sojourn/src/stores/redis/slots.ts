/** Where a cluster keeps a key: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/. */

const SLOTS = 16_384;
const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc;
});

/** What is hashed: what stands between the first `{` and the next `}`, unless that is nothing. Keys are ASCII. */
export function hashTag(key: string): string {
  const open = key.indexOf("{");
  const close = key.indexOf("}", open + 1);
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
}

/** CRC16 (XMODEM) of the hash tag, modulo the number of slots. */
export function slotOf(key: string): number {
  const tag = hashTag(key);
  let crc = 0;
  for (let i = 0; i < tag.length; i++) {
    crc = ((crc << 8) & 0xffff) ^ (CRC_TABLE[(crc >> 8) ^ tag.charCodeAt(i)] ?? 0);
  }
  return crc % SLOTS;
}
