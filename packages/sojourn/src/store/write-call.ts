/** How one write is fenced and made idempotent. Engines fill in what is absent. */
export interface WriteCall {
  /**
   * Store time after which the write must not happen: run later it rejects with
   * `StoreUnavailableError` (reason `late`, outcome `not_executed`) and changes nothing.
   * Default: in Redis now + what is left of the write deadline + 1 s; none in memory, where a write runs at
   * once, and none in sqlite, whose queue gives up what could not begin within the write deadline.
   */
  readonly notAfter?: number;
  /**
   * A patch, `revoke`, `revokeUser` or `disableUser` with an operation id that was executed already answers the same and
   * changes nothing; so does `amend`, but answers the record as it is now.
   */
  readonly operationId?: string;
  /**
   * Acknowledge an ending (`revoke`, `revokeUser`, of `revokeBefore` the cut-off) only when it would outlive the server
   * that did it, as its replicas have it. Otherwise it rejects with `StoreUnavailableError`, outcome `unknown`: sessions
   * have ended all the same. Default: as the store's options say. Memory and sqlite have no other server: their
   * acknowledgement is as durable as it gets.
   */
  readonly durable?: boolean;
}

/** How much later than its deadline a write may still be executed. */
export const FENCE_SLACK_MS = 1_000;
