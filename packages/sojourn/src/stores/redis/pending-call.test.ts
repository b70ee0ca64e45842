import { expect, test } from "vitest";
import { systemClock } from "../../clock.ts";
import { CallGate } from "./call-gate.ts";
import { PendingCall } from "./pending-call.ts";

const gate = new CallGate({ maxInFlight: 1_000, inTimeMs: 250, clock: systemClock, ask: () => Promise.resolve() });

/** Refused so often before it is answered. */
function refusing(refusal: string, times: number): { readonly send: () => Promise<string>; calls: number } {
  const server = {
    calls: 0,
    send: async () => {
      if (++server.calls <= times) throw new Error(refusal);
      return "answer";
    },
  };
  return server;
}

function answer(send: () => Promise<string>, deadlineMs = 2_000): Promise<string> {
  return PendingCall.answer({ gate, deadlineMs, outcome: "unknown" }, send);
}

test("what is refused while its slot moves is sent until it has arrived", async () => {
  const server = refusing("TRYAGAIN Multiple keys request during rehashing of slot", 6);
  expect(await answer(server.send)).toBe("answer");
  expect(server.calls).toBe(7);
});

test("and given up at its deadline", async () => {
  const server = refusing("TRYAGAIN Multiple keys request during rehashing of slot", Number.POSITIVE_INFINITY);
  await expect(answer(server.send, 120)).rejects.toMatchObject({ reason: "timeout", outcome: "unknown" });
  const { calls } = server;
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(server.calls).toBe(calls);
});

test("what is refused for another passing reason is sent once more, and then said", async () => {
  const server = refusing("CLUSTERDOWN The cluster is down", 2);
  await expect(answer(server.send)).rejects.toMatchObject({ reason: "server", outcome: "not_executed" });
  expect(server.calls).toBe(2);
});

test("what is refused for good is sent once", async () => {
  const server = refusing("NOPERM this user has no permissions", 1);
  await expect(answer(server.send)).rejects.toMatchObject({ reason: "denied" });
  expect(server.calls).toBe(1);
});
