import { expect, test } from "vitest";
import { createSessions, memoryStore } from "../create-sessions.ts";
import type { ReadOutcome, Store } from "../store/store.ts";

test("of a current token with nothing due, validate waits for the read and nothing else", async () => {
  const inner = memoryStore();
  let answer: (outcome: ReadOutcome) => void = () => undefined;
  const read = (): Promise<ReadOutcome> => new Promise((resolve) => (answer = resolve));
  const store: Store = new Proxy(inner, {
    get: (target, name) => {
      const member: unknown = name === "read" ? read : Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const sessions = createSessions({ store, secrets: ["Wm3kZp8rQx1vTn6bYc0sHd5gLf9jUa2eRi7oXw4tKlN"] });
  const { token, session } = await sessions.create({ userId: "ada" });
  let valid: boolean | undefined;
  void sessions.validate(token).then((result) => (valid = result.valid));
  const record = await inner.read(session.id);
  answer(record);
  // The read's own turn, that of the check, that of validate; and the one in which it is noted here.
  for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  expect(valid).toBe(true);
});
