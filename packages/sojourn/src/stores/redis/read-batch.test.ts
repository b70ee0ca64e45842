import { expect, test } from "vitest";
import { StoreUnavailableError } from "../../errors.ts";
import type { Driver, Reply } from "./driver.ts";
import { ReadBatch, readsOf } from "./read-batch.ts";

function batchAnswering(reply: Reply): { batch: ReadBatch; sent: string[] } {
  const sent: string[] = [];
  const batch = new ReadBatch((args) => {
    sent.push(args.join(" "));
    return Promise.resolve(reply);
  });
  return { batch, sent };
}

test("reads of one turn share a command, and each gets its own answer", async () => {
  const { batch, sent } = batchAnswering([Buffer.from("1"), null]);
  expect(await Promise.all([batch.get("a"), batch.get("b")])).toEqual([Buffer.from("1"), null]);
  expect(sent).toEqual(["MGET a b"]);
});

test("in a cluster reads of one slot share a command, and those of another have their own", async () => {
  const sent: string[] = [];
  const reads = readsOf({ isCluster: true } as Driver, (args) => {
    sent.push(args.join(" "));
    return Promise.resolve(args.length === 2 ? null : args.slice(1).map((key) => Buffer.from(key)));
  });
  const answers = await Promise.all(["s:{a}:1", "s:{b}:1", "s:{a}:2"].map((key) => reads.get(key)));
  expect(answers.map(String)).toEqual(["s:{a}:1", "null", "s:{a}:2"]);
  expect(sent).toEqual(["MGET s:{a}:1 s:{a}:2", "GET s:{b}:1"]);
});

// What a client answers inside a MULTI of somebody else, or one that is not asked for buffers.
test.each([["QUEUED"], [Buffer.from("QUEUED")], [null], [7], [[]], [[null]], [["text", null]]])(
  "M4 a reply that is no answer (%j) is an error, not an absence",
  async (reply) => {
    const { batch } = batchAnswering(reply);
    const reads = await Promise.allSettled([batch.get("a"), batch.get("b")]);
    for (const read of reads)
      expect(read).toMatchObject({ status: "rejected", reason: expect.any(StoreUnavailableError) });
  },
);

test.each([["QUEUED"], [7], [[]]])("M4 so it is for a single read (%j)", async (reply) => {
  await expect(batchAnswering(reply).batch.get("a")).rejects.toThrow(StoreUnavailableError);
});
