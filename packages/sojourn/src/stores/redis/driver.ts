/**
 * The driver seam: the little that the engine needs of a Redis client. Drivers
 * only translate; deadlines, retries and error classes are made above, in
 * `redis-connection.ts`, because no client has them (and they differ).
 */

export type Reply = Buffer | number | string | null | readonly Reply[];
export type Argument = string | Buffer;

export interface Driver {
  /** Keys are spread over several primaries: one command may only name keys of one slot. */
  readonly isCluster: boolean;
  /**
   * One command to the primary that has the key, or wherever the client likes without one; bulk strings come back as
   * buffers. The key is one that the command names.
   */
  exec(slotKey: string | null, args: readonly Argument[]): Promise<Reply>;
  /** One command to each primary; a promise for each. */
  primaries(args: readonly Argument[]): readonly Promise<Reply>[];
  /** A name of the primary that has the key: each has a clock of its own. */
  primaryOf(slotKey: string): string;
  /** False when a command for the key would only be queued: the caller fails fast instead. */
  isReady(slotKey: string | null): boolean;
  /** Of a cluster: the primary that has the key is not connected. */
  isAway?(slotKey: string): boolean;
  /** It has ended, or was not connected yet: its owner's to do. */
  isClosed(): boolean;
  /**
   * Calls the listener whenever the client has connected anew or to another primary: the server may have been
   * restarted or be another one. Answers how to stop. A client that tells nothing never calls it.
   * @param onLost told whose connection broke, by a client that makes another for the next command
   */
  onReconnect(listener: () => void, onLost: (primary: string) => void): () => void;
  /**
   * Opens a connection of its own that hears what is published to these channels on any primary, and resolves when the
   * server has confirmed them. Once lost it stays so, and whoever wants to hear on subscribes anew.
   * @throws ConfigError for a client that cannot be duplicated
   */
  subscribe(channels: readonly string[], listener: SubscriptionListener): Promise<Subscription>;
  /**
   * Opens a connection of its own to the primary that has the key. Once lost it stays so, and what is sent is rejected.
   * @throws ConfigError for a client that cannot be duplicated
   */
  pinned(slotKey: string): Promise<PinnedConnection>;
}

/** One connection and no other: what the server says of it is said of all that was sent over it. */
export interface PinnedConnection {
  readonly isOpen: boolean;
  send(args: readonly Argument[]): Promise<Reply>;
  close(): void;
}

export interface SubscriptionListener {
  onMessage(channel: string, message: string): void;
  /** The connection broke; not called after `close()`. */
  onLost(): void;
}

export interface Subscription {
  close(): void;
}
