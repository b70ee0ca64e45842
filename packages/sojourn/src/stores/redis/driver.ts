/**
 * The driver seam: the little that the engine needs of a Redis client. Drivers
 * only translate; deadlines, retries and error classes are made above, in
 * `redis-connection.ts`, because no client has them (and they differ).
 */

export type Reply = Buffer | number | string | null | readonly Reply[];
export type Argument = string | Buffer;

export interface Driver {
  /** One command, routed by the key; bulk strings come back as buffers. */
  exec(slotKey: string | null, args: readonly Argument[]): Promise<Reply>;
  /** One command on each primary. */
  primaries(args: readonly Argument[]): Promise<readonly Reply[]>;
  /** False when a command would only be queued: the caller fails fast instead. */
  isReady(): boolean;
  /**
   * Calls the listener whenever the client has connected anew: the server may have been restarted or
   * be another one. Answers how to stop. A client that tells nothing never calls it.
   */
  onReconnect(listener: () => void): () => void;
  /**
   * Opens a connection of its own that hears what is published to these channels, and resolves when the server has
   * confirmed them. It never reconnects: once lost it stays so, and whoever wants to hear on subscribes anew.
   * @throws ConfigError for a client that cannot be duplicated
   */
  subscribe(channels: readonly string[], listener: SubscriptionListener): Promise<Subscription>;
}

export interface SubscriptionListener {
  onMessage(channel: string, message: string): void;
  /** The connection broke; not called after `close()`. */
  onLost(): void;
}

export interface Subscription {
  close(): void;
}
