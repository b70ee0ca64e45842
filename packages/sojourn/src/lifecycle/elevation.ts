/** Raising the assurance level of a session: a new token at once, the old one superseded (ASVS 7.2.4, NIST SP 800-63B-4 §5.2). */

import { type Device, encodeMetadata, withSecurity } from "../data/metadata.ts";
import { MAX_METADATA_BYTES } from "../data/record.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { ConflictError, MetadataTooLargeError } from "../errors.ts";
import type { BindingInput } from "../security/binding.ts";
import { MAX_GENERATION } from "../security/token.ts";
import type { Core } from "./core.ts";
import { clientFacts } from "./new-session.ts";
import { pauseBefore } from "./retrying.ts";

export interface Elevation {
  readonly aal?: 0 | 1 | 2 | 3 | undefined;
  readonly amr?: readonly string[] | undefined;
  readonly loginMethod?: string | undefined;
  readonly device?: Device | undefined;
  readonly binding?: BindingInput | undefined;
  /** The user changed their password. */
  readonly passwordChanged?: true;
}

/**
 * Answers the new token and record; null when the session is over, or its token was replaced meanwhile.
 * @throws MetadataTooLargeError, ConflictError (at the write deadline), StoreUnavailableError
 */
export async function elevate(
  core: Core,
  id: string,
  current: SessionRecord,
  elevation: Elevation,
): Promise<{ token: string; record: SessionRecord } | null> {
  const client = clientFacts(core, id, elevation);
  const deadline = core.clock.monotonic() + core.store.writeDeadlineMs;
  let record = current;
  for (let attempt = 1; ; attempt++) {
    await pauseBefore(attempt);
    // Always past a successor, also one that somebody makes between reading and writing: it must fall below the floor.
    const generation = record.generation + 2;
    if (generation > MAX_GENERATION) return null;
    const { token, hash: tokenHash } = core.tokens.issue(id, generation);
    const known = core.metadataOf(id, record);
    const metadata = withSecurity(known, {
      // What locked it is settled.
      ...(record.locked ? { suspicious: null } : {}),
      ...(elevation.passwordChanged === true ? { passwordChangedAt: core.store.now() } : {}),
    });
    const { amr = metadata.amr, loginMethod = metadata.loginMethod } = elevation;
    const changed = encodeMetadata({
      ...metadata,
      ...(amr === undefined ? {} : { amr }),
      ...(loginMethod === undefined ? {} : { loginMethod }),
      ...client,
    });
    if (changed.length > MAX_METADATA_BYTES) {
      throw new MetadataTooLargeError("device, loginMethod and amr", changed.length, MAX_METADATA_BYTES);
    }
    const outcome = await core.store.elevate({
      id,
      expected: { generation: record.generation, tokenHash: record.tokenHash, metadata: record.metadataBytes() },
      generation,
      tokenHash,
      metadata: changed,
      aal: elevation.aal ?? record.aal,
      event: elevation.passwordChanged === true ? "password_changed" : "elevated",
      absoluteMs: core.policies.absoluteMsOf(metadata.policy, record.absoluteExpiresAt - record.authenticatedAt),
    });
    if (outcome.status === "gone") return null;
    const stored = core.parse(id, outcome.record);
    if (stored === null) return null;
    if (outcome.status === "elevated") return { token, record: stored };
    if (stored.generation !== record.generation || !stored.tokenHash.equals(record.tokenHash)) return null;
    if (core.clock.monotonic() > deadline) throw new ConflictError(id, attempt);
    record = stored;
  }
}
