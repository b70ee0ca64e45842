/** What happens to a session whose token another client than before presents. */

import { withSecurity } from "../data/metadata.ts";
import type { SessionRecord } from "../data/session-record.ts";
import type { Binding } from "../security/binding.ts";
import { type ClientSignals, isTelling, type Signal } from "../security/signals.ts";
import { amend } from "./amendment.ts";
import type { Core } from "./core.ts";

const NONE: readonly Signal[] = Object.freeze([]);

/** A client as it presents a token, beside the session of that token. */
export interface Presenter {
  readonly id: string;
  readonly record: SessionRecord;
  readonly signals: ClientSignals;
}

export class BindingCheck {
  readonly #core: Core;
  readonly #binding: Binding;

  constructor(core: Core, binding: Binding) {
    this.#core = core;
    this.#binding = binding;
  }

  /** Which signals differ from those of the client that the session was begun on. */
  differing({ id, record, signals }: Presenter): readonly Signal[] {
    const { ip, userAgent, language, fingerprint } = signals;
    const said = ip !== undefined || userAgent !== undefined || language !== undefined || fingerprint !== undefined;
    return said ? this.#binding.differing(id, this.#core.metadataOf(id, record), signals) : NONE;
  }

  /** Does what the option says, and answers what that was. @throws StoreUnavailableError */
  async act(presenter: Presenter, differing: readonly Signal[]): Promise<"allowed" | "locked" | "revoked"> {
    if (!isTelling(differing)) return "allowed";
    const { id } = presenter;
    const { onMismatch } = this.#binding;
    const why = `another ${differing.join(", ")}`;
    this.#core.notices.warn("binding", `session ${id}: its token came from ${why} (${onMismatch})`);
    if (onMismatch === "revoke") {
      await this.#core.revoke(id, "binding_mismatch", null);
      return "revoked";
    }
    const lock = onMismatch === "stepUp";
    const noted = this.#note(presenter, why, lock);
    if (lock) await noted;
    else this.#core.background("noting a suspicion", noted);
    return lock ? "locked" : "allowed";
  }

  /** Unless the session was bound to this client meanwhile. Without a lock the first suspicion stays. */
  #note({ id, record: known, signals }: Presenter, why: string, locked: boolean): Promise<unknown> {
    const at = this.#core.store.now();
    const change = (record: SessionRecord) => {
      const metadata = this.#core.metadataOf(id, record);
      const isNoted = locked ? record.locked : metadata.security?.suspicious != null;
      const isHome = record !== known && !isTelling(this.#binding.differing(id, metadata, signals));
      if (isNoted || isHome) return null;
      const event = { type: locked ? "locked" : "suspicious", detail: why } as const;
      return { metadata: withSecurity(metadata, { suspicious: { why, at } }), event, ...(locked ? { locked } : {}) };
    };
    return amend(this.#core, id, change, known);
  }
}
