/**
 * Metadata: facts about a session that the application does not write as data.
 * Stored as a JSON object with one-letter names, absent where there is nothing to say.
 */

/** The device a session was begun on, as the application or adapter described it. */
export interface Device {
  readonly ip?: string | undefined;
  /** The User-Agent header, cut to 512 characters. */
  readonly userAgent?: string | undefined;
  /** Anything else worth showing on a devices page, such as `{ name: "Ada's phone" }`. */
  readonly [extra: string]: string | undefined;
}

export interface SecurityFacts {
  readonly failedLogins: number;
  readonly suspicious: { readonly why: string; readonly at: number } | null;
  readonly passwordChangedAt: number | null;
}

/** What is kept of the client for comparison, besides its device. */
export interface BindingFacts {
  /** A keyed hash of the fingerprint (`security/binding.ts`). */
  readonly fingerprint?: string;
  /** Primary language, such as `en`. */
  readonly language?: string;
}

export interface Metadata {
  readonly policy: string;
  readonly device?: Device;
  readonly loginMethod?: string;
  /** Authentication methods references, RFC 8176: `["pwd", "otp"]`. */
  readonly amr?: readonly string[];
  readonly serverId?: string;
  readonly migratedAt?: number;
  readonly security?: SecurityFacts;
  readonly binding?: BindingFacts;
  /** Random: tells the last change from an equal one that somebody else made at the same time. */
  readonly mark?: string;
  /** The name that another library has for the session, sealed (`lifecycle/named-sessions.ts`). */
  readonly sealedName?: string;
}

/** @internal */
export const NO_SECURITY_FACTS: SecurityFacts = Object.freeze({
  failedLogins: 0,
  suspicious: null,
  passwordChangedAt: null,
});

interface StoredMetadata {
  p: string;
  i?: string | undefined;
  u?: string | undefined;
  d?: Record<string, string> | undefined;
  l?: string | undefined;
  m?: readonly string[] | undefined;
  s?: string | undefined;
  g?: number | undefined;
  f?: number | undefined;
  w?: { w: string; a: number } | undefined;
  c?: number | undefined;
  b?: string | undefined;
  n?: string | undefined;
  r?: string | undefined;
  x?: string | undefined;
}

/** @internal */
export function encodeMetadata(metadata: Metadata): Buffer {
  const { ip, userAgent, ...extra } = metadata.device ?? {};
  const security = metadata.security ?? NO_SECURITY_FACTS;
  const stored: StoredMetadata = {
    p: metadata.policy,
    i: ip,
    u: userAgent,
    d: Object.keys(extra).length > 0 ? (extra as Record<string, string>) : undefined,
    l: metadata.loginMethod,
    m: metadata.amr,
    s: metadata.serverId,
    g: metadata.migratedAt,
    f: security.failedLogins || undefined,
    w: security.suspicious === null ? undefined : { w: security.suspicious.why, a: security.suspicious.at },
    c: security.passwordChangedAt ?? undefined,
    b: metadata.binding?.fingerprint,
    n: metadata.binding?.language,
    r: metadata.mark,
    x: metadata.sealedName,
  };
  return Buffer.from(JSON.stringify(stored), "utf8");
}

/** @throws SyntaxError or TypeError when the text is not what `encodeMetadata` writes. @internal */
export function decodeMetadata(text: string): Metadata {
  const stored = JSON.parse(text) as StoredMetadata;
  if (typeof stored !== "object" || stored === null || typeof stored.p !== "string") throw new TypeError("no policy");
  if (stored.m !== undefined && !Array.isArray(stored.m)) throw new TypeError("amr is no list");
  return {
    policy: stored.p,
    ...deviceOf(stored),
    ...(stored.l === undefined ? {} : { loginMethod: stored.l }),
    ...(stored.m === undefined ? {} : { amr: stored.m }),
    ...(stored.s === undefined ? {} : { serverId: stored.s }),
    ...(stored.g === undefined ? {} : { migratedAt: stored.g }),
    ...securityOf(stored),
    ...bindingOf(stored),
    ...(stored.r === undefined ? {} : { mark: stored.r }),
    ...(stored.x === undefined ? {} : { sealedName: stored.x }),
  };
}

function deviceOf(stored: StoredMetadata): { device?: Device } {
  if (stored.i === undefined && stored.u === undefined && stored.d === undefined) return {};
  const device: Record<string, string> = { ...stored.d };
  if (stored.i !== undefined) device["ip"] = stored.i;
  if (stored.u !== undefined) device["userAgent"] = stored.u;
  return { device };
}

function securityOf(stored: StoredMetadata): { security?: SecurityFacts } {
  if (stored.f === undefined && stored.w === undefined && stored.c === undefined) return {};
  const suspicious = stored.w === undefined ? null : { why: stored.w.w, at: stored.w.a };
  return { security: { failedLogins: stored.f ?? 0, suspicious, passwordChangedAt: stored.c ?? null } };
}

function bindingOf(stored: StoredMetadata): { binding?: BindingFacts } {
  if (stored.b === undefined && stored.n === undefined) return {};
  return {
    binding: {
      ...(stored.b === undefined ? {} : { fingerprint: stored.b }),
      ...(stored.n === undefined ? {} : { language: stored.n }),
    },
  };
}

/** The same with these facts changed. @internal */
export function withSecurity(metadata: Metadata, facts: Partial<SecurityFacts>): Metadata {
  return { ...metadata, security: { ...(metadata.security ?? NO_SECURITY_FACTS), ...facts } };
}
