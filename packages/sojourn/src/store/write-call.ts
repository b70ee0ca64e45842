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
}
