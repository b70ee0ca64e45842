/** A record that was read, with everything decoded only when asked for. */

import { copyOf, heapBytesOf, type JsonObject } from "./kept-json.ts";
import { decodeMetadata, type Metadata } from "./metadata.ts";
import {
  expiresAtOf,
  FLAG,
  HEADER_LENGTH,
  nameAtOf,
  OFFSET,
  RECORD_VERSION,
  type RecordField,
  revisionOf,
  type RotationBlock,
  ROTATION_LENGTH,
  TOKEN_HASH_LENGTH,
  USER_HASH_LENGTH,
  userHashOf,
  valueLengthOf,
} from "./record.ts";

/** The bytes are no record of a known version. Internal: the lifecycle ends such a session. */
export class CorruptRecordError extends Error {
  override readonly name = "CorruptRecordError";
}

/** A record written by a newer version of this library. Internal: becomes `StoreUnavailableError`. */
export class UnsupportedRecordError extends Error {
  override readonly name = "UnsupportedRecordError";
}

/** What a near cache keeps a record in, and what was found out about it. */
export interface RecordCopy {
  /** Null once the cache has given it up: others may still hold this. */
  readonly record: SessionRecord | null;
  /** The token, as it was verified, that was found good for the record. */
  goodFor: object | null;
  /** Store time until which there is nothing to do or to say but that. */
  goodUntil: number;
  /** Whether there is room for so many bytes more that belong to it. They are counted from then on. */
  reserve(bytes: number): boolean;
}

/**
 * A record that was read. Header fields are read where they stand; metadata and
 * data are decoded at the first call that asks for them.
 * The constructor checks the whole structure: lengths must add up to the byte.
 * @throws CorruptRecordError, UnsupportedRecordError
 */
export class SessionRecord {
  readonly bytes: Buffer;
  /** Of a near cache that keeps it. */
  copy: RecordCopy | null = null;
  readonly #rotationAt: number;
  readonly #metadataAt: number;
  readonly #directoryAt: number;
  readonly #regionAt: number;
  readonly #regionEnd: number;
  /** What a record kept in a near cache is asked for again and again. */
  #expiresAt: number | undefined;
  #userId: string | null | undefined;
  #plainData: JsonObject | null = null;

  constructor(bytes: Buffer) {
    checkVersion(bytes);
    this.bytes = bytes;
    const userIdLength = bytes[OFFSET.userIdLength] ?? 0;
    this.#rotationAt = HEADER_LENGTH + (userIdLength === 0 ? 0 : USER_HASH_LENGTH + userIdLength);
    this.#metadataAt = this.#rotationAt + (this.#flag(FLAG.rotation) ? ROTATION_LENGTH : 0);
    this.#directoryAt = this.#metadataAt + bytes.readUInt16BE(OFFSET.metadataLength);
    if (this.#flag(FLAG.rotation) && !isRotationState(bytes[this.#rotationAt])) {
      throw new CorruptRecordError("unknown state of rotation");
    }
    const layout = measureDirectory(bytes, this.#directoryAt, this.fieldCount);
    this.#regionAt = layout.end;
    this.#regionEnd = layout.end + layout.plainBytes;
    if (this.#regionEnd + layout.encryptedBytes !== bytes.length) throw new CorruptRecordError("lengths do not add up");
  }

  #flag(bit: number): boolean {
    return ((this.bytes[OFFSET.flags] ?? 0) & bit) !== 0;
  }
  get confirmed(): boolean {
    return this.#flag(FLAG.confirmed);
  }
  get locked(): boolean {
    return this.#flag(FLAG.locked);
  }
  get aal(): number {
    return this.bytes[OFFSET.aal] ?? 0;
  }
  get revision(): number {
    return revisionOf(this.bytes);
  }
  get generation(): number {
    return this.bytes.readUIntBE(OFFSET.generation, 3);
  }
  get floor(): number {
    return this.bytes.readUIntBE(OFFSET.floor, 3);
  }
  get createdAt(): number {
    return this.bytes.readUIntBE(OFFSET.createdAt, 6);
  }
  get lastSeenAt(): number {
    return this.bytes.readUIntBE(OFFSET.lastSeenAt, 6);
  }
  get absoluteExpiresAt(): number {
    return this.bytes.readUIntBE(OFFSET.absoluteExpiresAt, 6);
  }
  get idleMs(): number {
    return this.bytes.readUIntBE(OFFSET.idleMs, 6);
  }
  get authenticatedAt(): number {
    return this.bytes.readUIntBE(OFFSET.authenticatedAt, 6);
  }
  get userEpoch(): number {
    return this.bytes.readUIntBE(OFFSET.userEpoch, 6);
  }
  get expiresAt(): number {
    this.#expiresAt ??= expiresAtOf(this.bytes);
    return this.#expiresAt;
  }
  get tokenHash(): Buffer {
    return this.bytes.subarray(OFFSET.tokenHash, OFFSET.tokenHash + TOKEN_HASH_LENGTH);
  }
  /** Every read asks: compared where it stands, and each byte whatever the others are (row A7). */
  hasTokenHash(hash: Uint8Array): boolean {
    let difference = hash.length ^ TOKEN_HASH_LENGTH;
    for (let i = 0; i < TOKEN_HASH_LENGTH; i++) difference |= (hash[i] ?? 0) ^ (this.bytes[OFFSET.tokenHash + i] ?? 0);
    return difference === 0;
  }
  get fieldCount(): number {
    return this.bytes.readUInt16BE(OFFSET.fieldCount);
  }
  get isAnonymous(): boolean {
    return this.bytes[OFFSET.userIdLength] === 0;
  }
  get hasEncrypted(): boolean {
    return this.#regionEnd < this.bytes.length;
  }
  /** The application's user id, or null for an anonymous session. */
  get userId(): string | null {
    const from = HEADER_LENGTH + USER_HASH_LENGTH;
    if (this.#userId === undefined) {
      this.#userId = this.isAnonymous ? null : this.bytes.toString("utf8", from, this.#rotationAt);
    }
    return this.#userId;
  }
  get userHash(): string | null {
    return userHashOf(this.bytes);
  }

  get rotation(): RotationBlock | null {
    if (!this.#flag(FLAG.rotation)) return null;
    const block = this.bytes.subarray(this.#rotationAt, this.#metadataAt);
    return {
      state: block[0] === 1 ? "pending" : "confirmed",
      graceUntil: block.readUIntBE(1, 6),
      since: block.readUIntBE(7, 6),
      otherHash: block.subarray(13, 29),
      wrap: block.subarray(29, 61),
      wrapKeyId: block.readUInt32BE(61),
    };
  }

  /** @throws CorruptRecordError when the metadata is not the JSON that `encodeRecord` writes. */
  metadata(): Metadata {
    return corruptWhenThrown(() => decodeMetadata(this.bytes.toString("utf8", this.#metadataAt, this.#directoryAt)));
  }

  /** All plain fields, the caller's own. Kept where the record is, so that they are decoded once. @throws CorruptRecordError */
  plainData(): JsonObject {
    if (this.#plainData === null) {
      const data = this.#decodedPlainData();
      if (this.copy?.reserve(heapBytesOf(data)) !== true) return data;
      this.#plainData = data;
    }
    return copyOf(this.#plainData);
  }

  /** By one `JSON.parse`. */
  #decodedPlainData(): JsonObject {
    const names = this.#plainNames();
    const region = this.bytes.toString("utf8", this.#regionAt, this.#regionEnd);
    const values = corruptWhenThrown(() => JSON.parse(`[${region}]`) as unknown[]);
    if (values.length !== names.length) throw new CorruptRecordError("names and values differ in number");
    const data: JsonObject = {};
    names.forEach((name, i) => {
      data[name] = values[i];
    });
    return data;
  }

  #plainNames(): string[] {
    const names: string[] = [];
    let at = this.#directoryAt;
    while (at < this.#regionAt) {
      const first = this.bytes[at] ?? 0;
      const nameAt = nameAtOf(this.bytes, at);
      const end = nameAt + 1 + (first & 0x7f);
      if (first < 0x80) names.push(this.#nameAt(nameAt, end, lastNames[names.length]));
      at = end;
    }
    lastNames = names;
    return names;
  }

  #nameAt(from: number, to: number, guess: string | undefined): string {
    if (guess !== undefined && isAsciiAt(this.bytes, from, to, guess)) return guess;
    return checkedName(this.bytes.toString("utf8", from, to));
  }

  /** Every field with its bytes as stored, in directory order. */
  fields(): RecordField[] {
    const out: RecordField[] = [];
    let at = this.#directoryAt;
    let plainAt = this.#regionAt;
    let encryptedAt = this.#regionEnd;
    while (at < this.#regionAt) {
      const first = this.bytes[at] ?? 0;
      const length = valueLengthOf(this.bytes, at);
      const nameAt = nameAtOf(this.bytes, at);
      const end = nameAt + 1 + (first & 0x7f);
      const encrypted = first >= 0x80;
      const from = encrypted ? encryptedAt : plainAt;
      const name = checkedName(this.bytes.toString("utf8", nameAt, end));
      // Malformed UTF-8 decodes to more bytes than it has: written back, the name would not fit.
      if (Buffer.byteLength(name) !== end - nameAt) throw new CorruptRecordError("field name is no UTF-8");
      out.push({ name, encrypted, bytes: this.bytes.subarray(from, from + length) });
      if (encrypted) encryptedAt += length;
      else plainAt += length + 1;
      at = end;
    }
    return out;
  }

  /** The metadata as stored. */
  metadataBytes(): Buffer {
    return this.bytes.subarray(this.#metadataAt, this.#directoryAt);
  }

  /** The record up to its directory: what a patch keeps as it is. */
  beforeFields(): Buffer {
    return this.bytes.subarray(0, this.#directoryAt);
  }
}

/** Sessions of an application have the same fields: comparing a name costs a tenth of decoding it. */
let lastNames: readonly string[] = [];

function isAsciiAt(bytes: Buffer, from: number, to: number, text: string): boolean {
  if (text.length !== to - from) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[from + i] ?? 0x80;
    if (byte >= 0x80 || byte !== text.charCodeAt(i)) return false;
  }
  return true;
}

function checkVersion(bytes: Buffer): void {
  const version = bytes[OFFSET.version];
  if (version !== undefined && version > RECORD_VERSION) {
    throw new UnsupportedRecordError(`record format ${version}; this version of Sojourn reads up to ${RECORD_VERSION}`);
  }
  if (version !== RECORD_VERSION) throw new CorruptRecordError(`unknown record format ${version}`);
  if (bytes.length < HEADER_LENGTH) throw new CorruptRecordError("shorter than its header");
}

interface DirectoryLayout {
  readonly end: number;
  readonly plainBytes: number;
  readonly encryptedBytes: number;
}

function measureDirectory(bytes: Buffer, from: number, fieldCount: number): DirectoryLayout {
  let at = from;
  let plainBytes = 0;
  let plainCount = 0;
  let encryptedBytes = 0;
  for (let i = 0; i < fieldCount; i++) {
    if (at + 2 > bytes.length) throw new CorruptRecordError("directory is cut");
    const first = bytes[at] ?? 0;
    const length = valueLengthOf(bytes, at);
    if (first >= 0x80) encryptedBytes += length;
    else {
      plainBytes += length;
      plainCount += 1;
    }
    at = nameAtOf(bytes, at) + 1 + (first & 0x7f);
  }
  return { end: at, plainBytes: plainBytes + Math.max(0, plainCount - 1), encryptedBytes };
}

function isRotationState(byte: number | undefined): boolean {
  return byte === 1 || byte === 2;
}

function checkedName(name: string): string {
  if (name === "__proto__") throw new CorruptRecordError("field name __proto__");
  return name;
}

function corruptWhenThrown<T>(decode: () => T): T {
  try {
    return decode();
  } catch {
    // Not the parser's message: it quotes what it read, and that is session data.
    throw new CorruptRecordError("not decodable");
  }
}
