/** What a new session is made of: checks of the caller's input, and the first record. */

import { dataBytes } from "../data/field-patch.ts";
import { type BindingFacts, type Device, encodeMetadata, type Metadata } from "../data/metadata.ts";
import { encodeRecord, MAX_FIELDS, MAX_METADATA_BYTES, MAX_USER_ID_BYTES, type RecordField } from "../data/record.ts";
import { DataTooLargeError, MetadataTooLargeError, TooManyFieldsError } from "../errors.ts";
import { DEFAULTS } from "../options.ts";
import { bindingFacts, type BindingInput } from "../security/binding.ts";
import { userHashIn } from "../store/placement.ts";
import type { DataObject } from "../data/draft.ts";
import type { Core } from "./core.ts";
import type { Policy } from "./policy.ts";

export interface CreateInput<D extends object = DataObject> {
  /** The application's id of the user, 1–255 bytes. Absent: an anonymous session. */
  readonly userId?: string | undefined;
  /** Default `defaultPolicy`; without a user `"anonymous"`. */
  readonly policy?: string | undefined;
  readonly data?: Readonly<Partial<D>> | undefined;
  readonly device?: Device | undefined;
  /** What the option `binding` compares later, besides `device`. */
  readonly binding?: BindingInput | undefined;
  /** Free text for lists, such as `"password"` or `"passkey"`. */
  readonly loginMethod?: string | undefined;
  /** Authentication methods references, RFC 8176. */
  readonly amr?: readonly string[] | undefined;
  /** Assurance level 0–3. Default the policy's, else 1 with a user and 0 without. */
  readonly aal?: 0 | 1 | 2 | 3 | undefined;
}

/** @internal */
export interface FirstRecord {
  readonly userKey: string | null;
  readonly policy: Policy;
  readonly tokenHash: Buffer;
  readonly now: number;
  readonly serverId: string | null;
  readonly fields: readonly RecordField[];
  readonly client: ClientFacts;
  /** In place of the policy's. */
  readonly idleMs?: number;
}

/** What is kept of the client. @internal */
export interface ClientFacts {
  readonly device?: Device;
  readonly binding?: BindingFacts;
  readonly sealedName?: string;
}

/** Room that is left for what is noted later: suspicion, server, counts. */
const LATER_FACTS_BYTES = 768;

/** Wrong types are programming errors: refused as such, before anything is stored. @internal */
export function checkCreateInput(operation: string, input: Omit<CreateInput, "data"> & { data?: unknown }): void {
  if (typeof input !== "object" || input === null) {
    throw new TypeError(`${operation} takes an object, not ${String(input)}.`);
  }
  const { userId, aal, amr, loginMethod, device, data } = input;
  if (userId !== undefined) checkedUserId(operation, userId);
  if (aal !== undefined && ![0, 1, 2, 3].includes(aal)) {
    throw new TypeError(`${operation}: aal must be 0, 1, 2 or 3, not ${String(aal)}.`);
  }
  if (amr !== undefined && !(Array.isArray(amr) && amr.every((method) => typeof method === "string"))) {
    throw new TypeError(`${operation}: amr must be an array of strings.`);
  }
  if (loginMethod !== undefined && typeof loginMethod !== "string") {
    throw new TypeError(`${operation}: loginMethod must be a string.`);
  }
  if (device !== undefined && !isPlain(device))
    throw new TypeError(`${operation}: device must be an object of strings.`);
  if (data !== undefined && !isPlain(data)) throw new TypeError(`${operation}: data must be a plain object.`);
}

/** @throws TypeError, MetadataTooLargeError @internal */
export function checkedUserId(operation: string, userId: unknown): string {
  if (typeof userId !== "string") {
    throw new TypeError(`${operation}: userId must be a string, not ${userId === null ? "null" : typeof userId}.`);
  }
  if (userId === "" || !userId.isWellFormed()) {
    throw new TypeError(`${operation}: userId must be a non-empty string of well-formed Unicode.`);
  }
  requireBytes("userId", Buffer.byteLength(userId), MAX_USER_ID_BYTES);
  return userId;
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @throws TooManyFieldsError, DataTooLargeError @internal */
export function checkFirstFields(fields: readonly RecordField[], maxBytes: number): void {
  if (fields.length > MAX_FIELDS) throw new TooManyFieldsError(MAX_FIELDS);
  const size = dataBytes(fields);
  if (size > maxBytes) throw new DataTooLargeError(size, maxBytes);
}

/** @throws MetadataTooLargeError @internal */
export function firstRecord(input: CreateInput<never>, first: FirstRecord): Buffer {
  const { policy, now } = first;
  const metadata = metadataOf(input, first);
  requireBytes("device, loginMethod and amr", encodeMetadata(metadata).length, MAX_METADATA_BYTES - LATER_FACTS_BYTES);
  const user =
    input.userId === undefined || first.userKey === null ? null : { id: input.userId, hash: userHashIn(first.userKey) };
  return encodeRecord({
    header: {
      confirmed: false,
      locked: false,
      aal: input.aal ?? policy.aal ?? (user === null ? 0 : 1),
      revision: 0,
      generation: 0,
      floor: 0,
      createdAt: now,
      lastSeenAt: now,
      absoluteExpiresAt: now + policy.absoluteMs,
      // Until its token comes back: then the policy's holds (`touching.ts`).
      idleMs:
        first.idleMs ?? (user === null ? Math.min(policy.idleMs, DEFAULTS.unconfirmedAnonymousMs) : policy.idleMs),
      authenticatedAt: now,
      userEpoch: 0,
      tokenHash: first.tokenHash,
    },
    user,
    rotation: null,
    metadata,
    fields: first.fields,
  });
}

function metadataOf(input: CreateInput<never>, first: FirstRecord): Metadata {
  return {
    policy: first.policy.name,
    ...first.client,
    ...(input.loginMethod === undefined ? {} : { loginMethod: input.loginMethod }),
    ...(input.amr === undefined ? {} : { amr: input.amr }),
    ...(first.serverId === null ? {} : { serverId: first.serverId }),
  };
}

/** @throws TypeError, MetadataTooLargeError @internal */
export function clientFacts(core: Core, id: string, input: Pick<CreateInput, "device" | "binding">): ClientFacts {
  const device = deviceOf(input.device);
  const binding = input.binding === undefined ? undefined : bindingFacts(core.fingerprints, id, input.binding);
  return { ...(device === null ? {} : { device }), ...(binding === undefined ? {} : { binding }) };
}

/** A User-Agent is the client's text: cut, not refused. Everything else is the application's and must fit. */
function deviceOf(device: Device | undefined): Device | null {
  if (device === undefined) return null;
  const known = Object.entries(device).filter(([, value]) => value !== undefined);
  for (const [name, value] of known) {
    if (typeof value !== "string") throw new TypeError(`device.${name} must be a string, not ${typeof value}.`);
  }
  if (known.length === 0) return null;
  const { userAgent, ...rest } = Object.fromEntries(known) as Record<string, string>;
  requireBytes("device", Buffer.byteLength(JSON.stringify(rest)), DEFAULTS.maxDeviceBytes);
  return userAgent === undefined
    ? rest
    : { ...rest, userAgent: userAgent.slice(0, DEFAULTS.maxUserAgentLength).toWellFormed() };
}

function requireBytes(what: string, bytes: number, max: number): void {
  if (bytes > max) throw new MetadataTooLargeError(what, bytes, max);
}
