/** What the second connections of all clients share: opening ends in time, a loss is told once, and nothing after `close()`. */

import { randomInt } from "node:crypto";
import { ConfigError } from "../../../errors.ts";
import type { Argument, PinnedConnection, Reply, Subscription, SubscriptionListener } from "../driver.ts";
import { notConnected } from "../failures.ts";

/** A client's second connection, not opened yet. */
export interface SecondConnection {
  /** Connects, and subscribes if it is to. */
  open(): Promise<void>;
  close(): void;
  onLost(listener: () => void): void;
}

export interface SendingConnection extends SecondConnection {
  send(args: readonly Argument[]): Promise<Reply>;
}

/** Clients wait for ever on a server that accepts connections and says nothing. */
const OPEN_TIMEOUT_MS = 3_000;

export async function openSubscription(
  connection: SecondConnection,
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
    timer = setTimeout(
      () => reject(notConnected("A second connection to Redis was not made in time.")),
      OPEN_TIMEOUT_MS,
    );
    connection.onLost(() => {
      if (isOver) return;
      end();
      if (isOpen) listener.onLost();
      else reject(notConnected("A second connection to Redis broke before it was made."));
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

export async function openPinned(connection: SendingConnection): Promise<PinnedConnection> {
  let isOpen = true;
  const lost = (): void => {
    isOpen = false;
  };
  const opened = await openSubscription(connection, { onLost: lost });
  return {
    get isOpen() {
      return isOpen;
    },
    send: (args) => connection.send(args),
    close: () => {
      lost();
      opened.close();
    },
  };
}

/** Whoever was connected to a node that is gone tries another one the next time. */
export function anyOf<T>(nodes: readonly T[]): T | undefined {
  return nodes.length === 0 ? undefined : nodes[randomInt(nodes.length)];
}

export function notDuplicable(): ConfigError {
  return new ConfigError(
    "The Redis client has no duplicate(): a near cache, watch() and durable endings need a second connection.",
  );
}
