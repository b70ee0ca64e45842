/** Changing what is known about a session besides its data: read, change, write if nobody was faster. */

import { encodeMetadata, type Metadata } from "../data/metadata.ts";
import { MAX_METADATA_BYTES } from "../data/record.ts";
import type { SessionRecord } from "../data/session-record.ts";
import { ConflictError, MetadataTooLargeError } from "../errors.ts";
import type { EventNote } from "../store/events.ts";
import type { Core } from "./core.ts";
import { pauseBefore } from "./retrying.ts";

export interface Amendment {
  readonly metadata: Metadata;
  /** Lock or unlock the session. Absent: as it is. */
  readonly locked?: boolean;
  /** What the change is called in its event. */
  readonly event: EventNote;
}

/**
 * Answers the record as it is stored then, or null when the session is over. `change` sees the newest record, again
 * each time that another writer was faster, until the write deadline; its null leaves everything as it is.
 * @param known the newest record that the caller has; absent: it is read
 * @throws ConflictError (at the write deadline), MetadataTooLargeError, StoreUnavailableError
 */
export async function amend(
  core: Core,
  id: string,
  change: (record: SessionRecord) => Amendment | null,
  known?: SessionRecord,
): Promise<SessionRecord | null> {
  const deadline = core.clock.monotonic() + core.store.writeDeadlineMs;
  let record = known ?? (await core.liveRecord(id));
  for (let attempt = 1; record !== null; attempt++) {
    const amendment = change(record);
    if (amendment === null) return record;
    const metadata = encodeMetadata(amendment.metadata);
    if (metadata.length > MAX_METADATA_BYTES) {
      throw new MetadataTooLargeError("what is known about the session", metadata.length, MAX_METADATA_BYTES);
    }
    await pauseBefore(attempt);
    const { locked, event } = amendment;
    const input = { id, expected: record.metadataBytes(), metadata, event };
    const outcome = await core.store.amend(locked === undefined ? input : { ...input, locked });
    if (outcome.status === "gone") return null;
    record = core.parse(id, outcome.record);
    if (outcome.status === "amended") return record;
    if (core.clock.monotonic() > deadline) throw new ConflictError(id, attempt);
  }
  return null;
}
