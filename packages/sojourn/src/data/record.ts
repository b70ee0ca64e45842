/**
 * The record: everything a store keeps for one session, as one packed string.
 *
 * ```text
 * header      70 bytes, big-endian, offsets in `OFFSET`
 * user        hash of the user id (16 ASCII characters) and the user id, when there is a user
 * rotation    65 bytes, when the flag says so
 * metadata    JSON object with one-letter names
 * directory   per field: 1 byte (name length - 1, high bit = encrypted), value length (below 128 in 1 byte,
 *             else 3 bytes with the high bit set), name
 * region 1    plain values: JSON texts joined by commas, in directory order
 * region 2    encrypted values, one after the other, in directory order
 * ```
 *
 * Stores never look behind the header except to splice fields by the directory's
 * lengths. Region 1 is decoded by one `JSON.parse`, and only when data is asked for.
 * The Redis scripts hold the same offsets (`stores/redis/scripts/_lib.lua`);
 * `test/fixtures/records/v1/` holds records that every later version must read.
 */

import { encodeMetadata, type Metadata } from "./metadata.ts";

export const RECORD_VERSION = 1;
export const MAX_FIELDS = 256;
export const MAX_NAME_BYTES = 128;
export const MAX_USER_ID_BYTES = 255;
export const MAX_METADATA_BYTES = 4096;
export const USER_HASH_LENGTH = 16;
export const TOKEN_HASH_LENGTH = 16;
export const ROTATION_LENGTH = 65;
const PENDING = 1;
const CONFIRMED = 2;
const WRAP_AT = 29;
const WRAP_LENGTH = 32;
export const HEADER_LENGTH = 70;
const MAX_VALUE_BYTES = 0x7f_ff_ff;
const MAX_SHORT = 0x7f;

/** Where each header field begins. Times are milliseconds since the epoch in 6 bytes. */
export const OFFSET = {
  version: 0,
  flags: 1,
  aal: 2,
  userIdLength: 3,
  revision: 4,
  generation: 8,
  floor: 11,
  createdAt: 14,
  lastSeenAt: 20,
  absoluteExpiresAt: 26,
  idleMs: 32,
  authenticatedAt: 38,
  userEpoch: 44,
  tokenHash: 50,
  metadataLength: 66,
  fieldCount: 68,
} as const;

export const FLAG = { confirmed: 1, rotation: 2, locked: 4 } as const;

/** The header's fields. Times in milliseconds since the epoch, `idleMs` a duration in milliseconds. */
export interface RecordHeader {
  /** The token of this session came back at least once (flood protection of unconfirmed sessions). */
  readonly confirmed: boolean;
  readonly locked: boolean;
  /** Assurance level 0–3 (NIST SP 800-63B-4). */
  readonly aal: number;
  /** Counts data changes only. */
  readonly revision: number;
  readonly generation: number;
  /** Generation of the last elevation: tokens below it are superseded. */
  readonly floor: number;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly absoluteExpiresAt: number;
  readonly idleMs: number;
  readonly authenticatedAt: number;
  /** What the user's epoch was when the session began; `revokeUser` ends smaller ones. */
  readonly userEpoch: number;
  /** First 16 bytes of the SHA-256 of the token's secret. */
  readonly tokenHash: Buffer;
}

/** A second token that is valid besides the current one while a renewal is under way. */
export interface RotationBlock {
  readonly state: "pending" | "confirmed";
  /** Until when the token before the current one is honoured; 0 if there was none. */
  readonly graceUntil: number;
  /** When the successor was made. */
  readonly since: number;
  readonly otherHash: Buffer;
  /** The successor's secret, wrapped under the old one; zeros once the window is over. */
  readonly wrap: Buffer;
  readonly wrapKeyId: number;
}

/** A field as stored: `text` is JSON for plain fields, ciphertext bytes for encrypted ones. */
export interface RecordField {
  readonly name: string;
  readonly encrypted: boolean;
  readonly bytes: Buffer;
}

export interface RecordParts {
  readonly header: RecordHeader;
  readonly user: { readonly id: string; readonly hash: string } | null;
  readonly rotation: RotationBlock | null;
  readonly metadata: Metadata;
  readonly fields: readonly RecordField[];
}

/** Packs a record. Throws `RangeError` for lengths over the format's limits, which callers check first. */
export function encodeRecord(parts: RecordParts): Buffer {
  const userId = Buffer.from(parts.user?.id ?? "", "utf8");
  const userHash = Buffer.from(parts.user?.hash ?? "", "latin1");
  const metadata = encodeMetadata(parts.metadata);
  requireRange("user id", userId.length, MAX_USER_ID_BYTES);
  requireRange("metadata", metadata.length, MAX_METADATA_BYTES);
  if (parts.user !== null && (userId.length === 0 || userHash.length !== USER_HASH_LENGTH)) {
    throw new RangeError("a user needs an id and a hash of 16 characters");
  }
  return Buffer.concat([
    encodeHeader(parts, userId.length, metadata.length),
    userHash,
    userId,
    parts.rotation === null ? Buffer.alloc(0) : encodeRotation(parts.rotation),
    metadata,
    encodeFields(parts.fields),
  ]);
}

function encodeHeader(parts: RecordParts, userIdLength: number, metadataLength: number): Buffer {
  const { header, rotation, fields } = parts;
  if (header.tokenHash.length !== TOKEN_HASH_LENGTH) throw new RangeError("token hash must be 16 bytes");
  const out = Buffer.alloc(HEADER_LENGTH);
  const flags =
    (header.confirmed ? FLAG.confirmed : 0) |
    (rotation === null ? 0 : FLAG.rotation) |
    (header.locked ? FLAG.locked : 0);
  out.writeUInt8(RECORD_VERSION, OFFSET.version);
  out.writeUInt8(flags, OFFSET.flags);
  out.writeUInt8(header.aal, OFFSET.aal);
  out.writeUInt8(userIdLength, OFFSET.userIdLength);
  out.writeUInt32BE(header.revision, OFFSET.revision);
  out.writeUIntBE(header.generation, OFFSET.generation, 3);
  out.writeUIntBE(header.floor, OFFSET.floor, 3);
  out.writeUIntBE(header.createdAt, OFFSET.createdAt, 6);
  out.writeUIntBE(header.lastSeenAt, OFFSET.lastSeenAt, 6);
  out.writeUIntBE(header.absoluteExpiresAt, OFFSET.absoluteExpiresAt, 6);
  out.writeUIntBE(header.idleMs, OFFSET.idleMs, 6);
  out.writeUIntBE(header.authenticatedAt, OFFSET.authenticatedAt, 6);
  out.writeUIntBE(header.userEpoch, OFFSET.userEpoch, 6);
  header.tokenHash.copy(out, OFFSET.tokenHash);
  out.writeUInt16BE(metadataLength, OFFSET.metadataLength);
  out.writeUInt16BE(fields.length, OFFSET.fieldCount);
  return out;
}

function encodeRotation(rotation: RotationBlock): Buffer {
  if (rotation.otherHash.length !== TOKEN_HASH_LENGTH || rotation.wrap.length !== WRAP_LENGTH) {
    throw new RangeError("a rotation block holds a hash of 16 and a wrap of 32 bytes");
  }
  const out = Buffer.alloc(ROTATION_LENGTH);
  out.writeUInt8(rotation.state === "pending" ? PENDING : CONFIRMED, 0);
  out.writeUIntBE(rotation.graceUntil, 1, 6);
  out.writeUIntBE(rotation.since, 7, 6);
  rotation.otherHash.copy(out, 13, 0, 16);
  rotation.wrap.copy(out, WRAP_AT, 0, WRAP_LENGTH);
  out.writeUInt32BE(rotation.wrapKeyId, 61);
  return out;
}

/** Directory and both regions, also used to rewrite them after a patch. */
export function encodeFields(fields: readonly RecordField[]): Buffer {
  requireRange("field count", fields.length, MAX_FIELDS);
  const directory: Buffer[] = [];
  const plain: Buffer[] = [];
  const encrypted: Buffer[] = [];
  for (const field of fields) {
    directory.push(directoryEntry(field));
    if (field.encrypted) encrypted.push(field.bytes);
    else plain.push(plain.length === 0 ? field.bytes : Buffer.concat([COMMA, field.bytes]));
  }
  return Buffer.concat([...directory, ...plain, ...encrypted]);
}

const COMMA = Buffer.from(",");

function directoryEntry(field: RecordField): Buffer {
  const name = Buffer.from(field.name, "utf8");
  if (name.length === 0) throw new RangeError("a field name must not be empty");
  requireRange("field name", name.length, MAX_NAME_BYTES);
  requireRange("value", field.bytes.length, MAX_VALUE_BYTES);
  const { length } = field.bytes;
  const nameAt = length > MAX_SHORT ? 4 : 2;
  const entry = Buffer.alloc(nameAt + name.length);
  if (length > MAX_SHORT) entry.writeUInt32BE(length | 0x80_00_00, 0);
  else entry.writeUInt8(length, 1);
  entry.writeUInt8((name.length - 1) | (field.encrypted ? 0x80 : 0), 0);
  name.copy(entry, nameAt);
  return entry;
}

/** Where the name of a directory's entry begins. */
export function nameAtOf(bytes: Buffer, entryAt: number): number {
  return entryAt + ((bytes[entryAt + 1] ?? 0) > MAX_SHORT ? 4 : 2);
}

/** The length of an entry's value. */
export function valueLengthOf(bytes: Buffer, entryAt: number): number {
  const first = bytes[entryAt + 1] ?? 0;
  if (first <= MAX_SHORT) return first;
  return ((first & MAX_SHORT) << 16) | ((bytes[entryAt + 2] ?? 0) << 8) | (bytes[entryAt + 3] ?? 0);
}

function requireRange(what: string, length: number, max: number): void {
  if (length > max) throw new RangeError(`${what} is ${length}, over ${max}`);
}

/** Effective expiry: the earlier of idle and absolute deadline. */
export function expiresAtOf(record: Buffer): number {
  const idleDeadline = record.readUIntBE(OFFSET.lastSeenAt, 6) + record.readUIntBE(OFFSET.idleMs, 6);
  return Math.min(idleDeadline, record.readUIntBE(OFFSET.absoluteExpiresAt, 6));
}

export function revisionOf(record: Buffer): number {
  return record.readUInt32BE(OFFSET.revision);
}

export function userHashOf(record: Buffer): string | null {
  if ((record[OFFSET.userIdLength] ?? 0) === 0) return null;
  return record.toString("latin1", HEADER_LENGTH, HEADER_LENGTH + USER_HASH_LENGTH);
}

/** A copy that was last seen at `lastSeenAt`. */
export function withTouch(record: Buffer, lastSeenAt: number, expiresAt?: number): Buffer {
  const copy = Buffer.from(record);
  copy.writeUIntBE(lastSeenAt, OFFSET.lastSeenAt, 6);
  if (expiresAt !== undefined) copy.writeUIntBE(Math.max(0, expiresAt - lastSeenAt), OFFSET.idleMs, 6);
  return copy;
}

export function isConfirmed(record: Buffer): boolean {
  return ((record[OFFSET.flags] ?? 0) & FLAG.confirmed) !== 0;
}

/** A copy whose token came back, with another idle timeout if one is given. */
export function withConfirmation(record: Buffer, idleMs = 0): Buffer {
  const copy = Buffer.from(record);
  copy.writeUInt8((record[OFFSET.flags] ?? 0) | FLAG.confirmed, OFFSET.flags);
  copy.writeUIntBE(Math.max(idleMs, record.readUIntBE(OFFSET.idleMs, 6)), OFFSET.idleMs, 6);
  return copy;
}

/** A copy with this rotation block in place of the one it has, or without one. */
export function withRotation(record: Buffer, rotation: RotationBlock | null): Buffer {
  const at = rotationAt(record);
  const flags = record[OFFSET.flags] ?? 0;
  const old = (flags & FLAG.rotation) === 0 ? 0 : ROTATION_LENGTH;
  const block = rotation === null ? Buffer.alloc(0) : encodeRotation(rotation);
  const out = Buffer.concat([record.subarray(0, at), block, record.subarray(at + old)]);
  out.writeUInt8(rotation === null ? flags & ~FLAG.rotation : flags | FLAG.rotation, OFFSET.flags);
  return out;
}

/** The same record, or a copy without the wrapped secret once nobody is to be given it any more. */
export function withoutStaleWrap(record: Buffer, now: number): Buffer {
  if (((record[OFFSET.flags] ?? 0) & FLAG.rotation) === 0) return record;
  const at = rotationAt(record);
  const confirmed = record[at] === CONFIRMED;
  if (!confirmed || now <= record.readUIntBE(at + 1, 6)) return record;
  return Buffer.from(record).fill(0, at + WRAP_AT, at + WRAP_AT + WRAP_LENGTH);
}

function rotationAt(record: Buffer): number {
  const userIdLength = record[OFFSET.userIdLength] ?? 0;
  return HEADER_LENGTH + (userIdLength === 0 ? 0 : USER_HASH_LENGTH + userIdLength);
}

/** A copy with this metadata in place of its own. */
export function withMetadata(record: Buffer, metadata: Buffer): Buffer {
  const rotation = ((record[OFFSET.flags] ?? 0) & FLAG.rotation) === 0 ? 0 : ROTATION_LENGTH;
  const at = rotationAt(record) + rotation;
  const rest = at + record.readUInt16BE(OFFSET.metadataLength);
  const out = Buffer.concat([record.subarray(0, at), metadata, record.subarray(rest)]);
  out.writeUInt16BE(metadata.length, OFFSET.metadataLength);
  return out;
}

/** A copy that is locked, or is not. */
export function withLock(record: Buffer, locked: boolean): Buffer {
  const copy = Buffer.from(record);
  const flags = record[OFFSET.flags] ?? 0;
  copy.writeUInt8(locked ? flags | FLAG.locked : flags & ~FLAG.locked, OFFSET.flags);
  return copy;
}

/** A copy whose current token is of this generation and hash. */
export function withToken(record: Buffer, generation: number, tokenHash: Buffer): Buffer {
  const copy = Buffer.from(record);
  copy.writeUIntBE(generation, OFFSET.generation, 3);
  tokenHash.copy(copy, OFFSET.tokenHash, 0, TOKEN_HASH_LENGTH);
  return copy;
}

/** A copy stamped with the epoch of its user. */
export function withUserEpoch(record: Buffer, epoch: number): Buffer {
  const copy = Buffer.from(record);
  copy.writeUIntBE(epoch, OFFSET.userEpoch, 6);
  return copy;
}
