/** What the subscribers of both clients share: opening ends in time, a loss is told once, and nothing after `close()`. */

import { randomInt } from "node:crypto";
import { ConfigError } from "../../../errors.ts";
import type { Subscription, SubscriptionListener } from "../driver.ts";

/** A client's second connection, not opened yet. */
export interface SubscriberConnection {
  /** Connects and subscribes. */
  open(): Promise<void>;
  close(): void;
  onLost(listener: () => void): void;
}

/** Clients wait for ever on a server that accepts connections and says nothing. */
const OPEN_TIMEOUT_MS = 3_000;

export async function openSubscription(
  connection: SubscriberConnection,
  listener: Pick<SubscriptionListener, "onLost">,
): Promise<Subscription> {
  let isOver = false;
  let isOpen = false;
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    isOver = true;
    connection.close();
  };
  const failed = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the subscription was not confirmed in time")), OPEN_TIMEOUT_MS);
    connection.onLost(() => {
      if (isOver) return;
      end();
      if (isOpen) listener.onLost();
      else reject(new Error("the connection broke before the subscription was confirmed"));
    });
  });
  const opened = connection.open().then(() => {
    isOpen = !isOver;
  });
  try {
    await Promise.race([opened, failed]);
    return { close: end };
  } catch (error) {
    end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Whoever was connected to a node that is gone tries another one the next time. */
export function anyOf<T>(nodes: readonly T[]): T | undefined {
  return nodes.length === 0 ? undefined : nodes[randomInt(nodes.length)];
}

export function notDuplicable(): ConfigError {
  return new ConfigError("The Redis client has no duplicate(): a near cache and watch() need a second connection.");
}
