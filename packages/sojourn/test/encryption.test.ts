/** Encrypted fields on every engine: what lies in the store, what a missing key does, what a swap does. */

import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { StoredChange } from "../src/data/field-patch.ts";
import { SessionRecord } from "../src/data/session-record.ts";
import {
  createSessions,
  DataTooLargeError,
  type EncryptionOptions,
  EncryptionKeyMissingError,
  SessionEndedError,
  type Sessions,
  type SessionsOptions,
  type Store,
  WrongKindError,
} from "../src/index.ts";
import { isRecord } from "../src/store/store.ts";
import type { ManualClock } from "../src/testing/manual-clock.ts";
import { ENGINES, engineBench } from "./support/engines.ts";
import { FIELD_KEY, NEXT_FIELD_KEY, TEST_SECRET } from "./support/secrets.ts";
import { WatchedStore } from "./support/watched-store.ts";

const SSN = "078-05-1120";
const encryption: EncryptionOptions = { keys: [FIELD_KEY], fields: ["ssn", "notes", "pin"] };
const withoutKey: EncryptionOptions = { ...encryption, keys: [NEXT_FIELD_KEY] };
const bench = engineBench();

describe.each(ENGINES)("encrypted fields on %s", (engine) => {
  interface Place {
    readonly store: Store;
    readonly clock: ManualClock;
    readonly sessions: Sessions;
    readonly lines: string[];
    /** One more application server. */
    server(options?: SessionsOptions): Sessions;
  }

  async function open(options: SessionsOptions = { encryption }, namespace = "sojourn"): Promise<Place> {
    const { store, clock } = await bench.open(engine, { namespace });
    const lines: string[] = [];
    const log = (line: string): number => lines.push(line);
    const server = (more: SessionsOptions = options): Sessions =>
      createSessions({ store, clock, secrets: [TEST_SECRET], log, ...more });
    return { store, clock, lines, server, sessions: server() };
  }

  async function recordOf(store: Store, id: string): Promise<SessionRecord> {
    const outcome = await store.read(id);
    if (!isRecord(outcome)) throw new Error(`session ${id} has no record`);
    return new SessionRecord(outcome);
  }

  async function sealedBytes(store: Store, id: string, name: string): Promise<Buffer> {
    const field = (await recordOf(store, id)).fields().find((each) => each.name === name);
    if (field?.encrypted !== true) throw new Error(`${name} is not encrypted`);
    return field.bytes;
  }

  /** What somebody does who can write to the store. */
  function plant(store: Store, id: string, change: StoredChange): Promise<unknown> {
    return store.patch({ id, changes: [change], maxBytes: 100_000 });
  }

  test("N4 lie encrypted however they were written, and are read like any other", async () => {
    const { store, sessions, server } = await open();
    const { token, session } = await sessions.create({ userId: "ada", data: { ssn: SSN, theme: "dark" } });
    await session.set("notes", [{ text: `notes of ${SSN}` }]);
    await sessions.data(session.id).update((draft) => void (draft["pin"] = `${SSN}!`));
    const data = { ssn: SSN, theme: "dark", notes: [{ text: `notes of ${SSN}` }], pin: `${SSN}!` };
    const other = await server().validate(token);
    expect(other.valid ? other.session.data : null).toEqual(data);
    expect(session.data).not.toHaveProperty("pin");
    expect(await session.get("pin")).toBe(`${SSN}!`);
    expect(session.data).toEqual(data);
    expect(await sessions.data(session.id).get("ssn")).toBe(SSN);

    const record = await recordOf(store, session.id);
    expect(record.bytes.includes(SSN)).toBe(false);
    const encrypted = record.fields().filter((field) => field.encrypted);
    expect(encrypted.map((field) => field.name).toSorted()).toEqual(["notes", "pin", "ssn"]);
  });

  test("N4 by default every field is", async () => {
    const { store, sessions } = await open({ encryption: { keys: [FIELD_KEY] } });
    const { session } = await sessions.create({ data: { a: "plain-a" } });
    await session.set("b", "plain-b");
    const { bytes } = await recordOf(store, session.id);
    expect([bytes.includes("plain-a"), bytes.includes("plain-b")]).toEqual([false, false]);
    expect(session.data).toEqual({ a: "plain-a", b: "plain-b" });
  });

  test("an update that changes nothing writes nothing, for all its fresh nonces", async () => {
    const { store, sessions } = await open();
    const { session } = await sessions.create({ userId: "ada", data: { ssn: SSN, theme: "dark" } });
    const before = await sealedBytes(store, session.id, "ssn");
    await session.update((draft) => void (draft["ssn"] = [SSN].join()));
    expect((await recordOf(store, session.id)).revision).toBe(0);
    await session.update((draft) => void (draft["theme"] = "light"));
    expect((await recordOf(store, session.id)).revision).toBe(1);
    expect(await sealedBytes(store, session.id, "ssn")).toEqual(before);
    await session.set("ssn", SSN);
    expect(await sealedBytes(store, session.id, "ssn")).not.toEqual(before);
  });

  test("cannot be incremented, whether they are there or not", async () => {
    const { store, sessions, server } = await open();
    const { session } = await sessions.create({ data: { pin: 1 } });
    await expect(session.increment("pin")).rejects.toThrow(WrongKindError);
    await expect(sessions.data(session.id).increment("notes")).rejects.toThrow(WrongKindError);
    const plain = server({});
    await expect(plain.data(session.id).increment("pin")).rejects.toThrow(WrongKindError);
    expect((await recordOf(store, session.id)).fieldCount).toBe(1);
    expect(await session.get("pin")).toBe(1);
  });

  test("a login carries them over encrypted anew, a late write too", async () => {
    const { store, sessions, server } = await open();
    const { token, session: anonymous } = await sessions.create({ data: { ssn: SSN, theme: "dark" } });
    const before = await sealedBytes(store, anonymous.id, "ssn");
    const { session } = await sessions.login(token, { userId: "ada", keep: ["ssn", "theme"] });
    expect(session.data).toEqual({ ssn: SSN, theme: "dark" });
    expect(await sealedBytes(store, session.id, "ssn")).not.toEqual(before);
    expect((await server().get(session.id))?.data).toEqual({ ssn: SSN, theme: "dark" });

    const second = await sessions.create({ data: { ssn: SSN } });
    const watched = new WatchedStore(store);
    watched.before.set("revoke", async () => {
      watched.before.clear();
      await sessions.data(second.session.id).set("ssn", "written late");
    });
    const behind = server({ encryption, store: watched.store });
    const heir = await behind.login(second.token, { userId: "ada", keep: ["ssn"] });
    expect(heir.session.data).toEqual({ ssn: "written late" });
    expect((await recordOf(store, heir.session.id)).bytes.includes("written late")).toBe(false);
  });

  test("maxBytes counts what is stored: 32 bytes more for each", async () => {
    const { sessions } = await open({ encryption, maxBytes: 100 });
    const fits = "x".repeat(100 - 32 - "ssn".length - 2);
    await expect(sessions.create({ data: { ssn: `${fits}y` } })).rejects.toThrow(DataTooLargeError);
    const { session } = await sessions.create({ data: { ssn: fits } });
    await expect(session.set("ssn", `${fits}y`)).rejects.toMatchObject({ code: "data_too_large", bytes: 101 });
    await session.set("ssn", fits);
  });

  test("a missing key is an outage of that field: no other is lost, the session goes on", async () => {
    const { store, sessions, server, lines } = await open();
    const { token } = await sessions.create({ userId: "ada", data: { ssn: SSN, theme: "dark", visits: 1 } });
    const before = (await sessions.list("ada"))[0];
    for (const options of [{ encryption: withoutKey }, { development: true }]) {
      const poor = server(options);
      const validation = await poor.validate(token);
      if (!validation.valid) throw new Error(validation.reason);
      const { session } = validation;
      const { data } = session;
      expect([data["theme"], Object.keys(data)]).toEqual(["dark", ["ssn", "theme", "visits"]]);
      expect(() => data["ssn"]).toThrow(EncryptionKeyMissingError);
      expect(() => JSON.stringify(data)).toThrow(EncryptionKeyMissingError);
      expect(await session.get("visits")).toEqual(expect.any(Number));
      await expect(session.get("ssn")).rejects.toMatchObject({ code: "encryption_key_missing", status: 503 });
      await expect(poor.data(session.id).get("ssn")).rejects.toThrow(EncryptionKeyMissingError);
      await session.increment("visits");
      await session.set("theme", "dark");
      await session.update((draft) => void (draft["visits"] = Number(draft["visits"]) + 1));
      const reading = session.update((draft) => void (draft["visits"] = draft["ssn"]));
      await expect(reading).rejects.toThrow(EncryptionKeyMissingError);
    }
    expect((await sessions.get(before?.id ?? ""))?.data).toEqual({ ssn: SSN, theme: "dark", visits: 5 });

    const poor = server({ encryption: withoutKey });
    const session = await poor.get(before?.id ?? "");
    await session?.update((draft) => void (draft["ssn"] = "given again"));
    expect(session?.data["ssn"]).toBe("given again");
    expect(
      await server({ encryption: { keys: [FIELD_KEY, NEXT_FIELD_KEY] } })
        .data(before?.id ?? "")
        .get("ssn"),
    ).toBe("given again");
    await sessions.data(before?.id ?? "").set("ssn", SSN);
    await session?.get("theme");
    await session?.update((draft) => void delete draft["ssn"]);
    expect((await recordOf(store, before?.id ?? "")).fieldCount).toBe(2);
    expect(lines.filter((line) => line.includes("corrupt"))).toEqual([]);
  });

  test("a login that cannot read what it is to keep changes nothing", async () => {
    const { sessions, server } = await open();
    const { token } = await sessions.create({ data: { ssn: SSN } });
    const poor = server({ encryption: withoutKey });
    await expect(poor.login(token, { userId: "ada", keep: ["ssn"] })).rejects.toThrow(EncryptionKeyMissingError);
    expect(await sessions.list("ada")).toEqual([]);
    const { session } = await sessions.login(token, { userId: "ada", keep: ["ssn"] });
    expect(session.data).toEqual({ ssn: SSN });
  });

  test("encryption switched on reads what lies plain and encrypts it with its next write; off the other way round", async () => {
    const { store, sessions, server } = await open({});
    const { session } = await sessions.create({ data: { ssn: SSN, pin: 7 } });
    const encrypting = server({ encryption });
    expect((await encrypting.get(session.id))?.data).toEqual({ ssn: SSN, pin: 7 });
    await encrypting.data(session.id).set("ssn", SSN);
    expect((await recordOf(store, session.id)).bytes.includes(SSN)).toBe(false);
    const onlyReading = server({ encryption: { keys: [FIELD_KEY], fields: ["other"] } });
    expect(await onlyReading.data(session.id).get("ssn")).toBe(SSN);
    await onlyReading.data(session.id).set("ssn", SSN);
    expect((await recordOf(store, session.id)).bytes.includes(SSN)).toBe(true);
  });

  test("N4 ciphertext moved to another session or name, or changed, is refused: the session ends as corrupt", async () => {
    const { store, sessions, server, lines } = await open();
    const make = () => sessions.create({ userId: "ada", data: { ssn: SSN, pin: "1234", theme: "dark" } });
    const victim = await make();
    const stolen = await sealedBytes(store, victim.session.id, "ssn");
    const changed = Buffer.from(stolen);
    changed.writeUInt8((stolen.at(-20) ?? 0) ^ 1, stolen.length - 20);
    const plants: ((id: string) => StoredChange)[] = [
      () => ({ kind: "seal", name: "ssn", bytes: stolen }),
      () => ({ kind: "seal", name: "ssn", bytes: changed }),
      () => ({ kind: "seal", name: "ssn", bytes: stolen.subarray(0, 20) }),
    ];
    for (const planted of plants) {
      const { token, session } = await make();
      await plant(store, session.id, planted(session.id));
      const validation = await server().validate(token);
      expect(validation.valid ? validation.session.data : null).toEqual({});
      await expect.poll(() => sessions.validate(token)).toMatchObject({ valid: false, ended: { reason: "corrupt" } });
      await expect(session.set("theme", "light")).rejects.toThrow(SessionEndedError);
    }
    const { token, session } = await make();
    await plant(store, session.id, {
      kind: "seal",
      name: "pin",
      bytes: await sealedBytes(store, session.id, "ssn"),
    });
    await expect(session.get("pin")).rejects.toMatchObject({ name: SessionEndedError.name, reason: "corrupt" });
    await expect.poll(() => sessions.validate(token)).toMatchObject({ valid: false, ended: { reason: "corrupt" } });
    expect((await server().get(victim.session.id))?.data["ssn"]).toBe(SSN);
    expect(lines.join()).not.toContain(SSN);
    expect(lines.some((line) => line.includes("not authentic"))).toBe(true);
  });

  test("N4 a whole record copied into another namespace, or under another id, does not open there", async () => {
    const elsewhere = await open({ encryption, secrets: [TEST_SECRET] }, "elsewhere");
    const { store, sessions } = await open();
    const { session } = await sessions.create({ data: { ssn: SSN } });
    const twin = await sessions.create({ data: {} });
    const { bytes } = await recordOf(store, session.id);
    await elsewhere.store.create({ id: session.id, userKey: null, record: bytes });
    expect((await elsewhere.sessions.get(session.id))?.data).toEqual({});
    const copied = new SessionRecord(bytes).fields()[0];
    await plant(store, twin.session.id, { kind: "seal", name: "ssn", bytes: copied?.bytes ?? Buffer.alloc(0) });
    expect((await sessions.get(twin.session.id))?.data).toEqual({});
    expect((await sessions.get(session.id))?.data).toEqual({ ssn: SSN });
  });

  test("P1 rotating the keys under load logs nobody out, in two steps without one error", async () => {
    const [older, newer] = [FIELD_KEY, NEXT_FIELD_KEY];
    const { sessions, server } = await open({ encryption: { keys: [older] } });
    const serverWith = (...keys: string[]): Sessions => server({ encryption: { keys } });
    const servers = [sessions, serverWith(older)];
    const users = await Promise.all(
      Array.from({ length: 8 }, (_, i) => sessions.create({ userId: `u${i}`, data: { n: 0, who: `u${i}` } })),
    );
    const added = users.map(() => 0);
    const rotated = new AbortController();
    const traffic = users.map(async ({ token }, i) => {
      for (let turn = 0; !rotated.signal.aborted; turn++) {
        const validation = await (servers[(turn + i) % 2] ?? sessions).validate(token);
        if (!validation.valid) throw new Error(validation.reason);
        expect(validation.session.data["who"]).toBe(`u${i}`);
        const stored = await validation.session.update((draft) => void (draft["n"] = Number(draft["n"]) + 1));
        added[i] = Number(stored["n"]);
        await setImmediate();
      }
    });
    // Twice: the first of them may have been under way.
    const everybodyWrote = async (): Promise<void> => {
      const before = [...added];
      while (added.some((n, i) => n < (before[i] ?? 0) + 2)) await setImmediate();
    };
    for (const keys of [
      [older, newer],
      [newer, older],
    ]) {
      for (const at of [0, 1]) {
        await everybodyWrote();
        servers[at] = serverWith(...keys);
      }
    }
    await everybodyWrote();
    rotated.abort();
    await Promise.all(traffic);
    for (const [i, { token }] of users.entries()) {
      const validation = await serverWith(newer).validate(token);
      if (!validation.valid) throw new Error(validation.reason);
      expect(validation.session.data["n"]).toBe(added[i]);
      expect(() => validation.session.data["who"]).toThrow(EncryptionKeyMissingError);
      const kept = await serverWith(newer, older).validate(token);
      expect(kept.valid && kept.session.data["who"]).toBe(`u${i}`);
    }
  });

  test("P1 rotating in one step costs reads of that field until the other servers follow, and nobody's session", async () => {
    const { sessions, server } = await open({ encryption: { keys: [FIELD_KEY] } });
    const ahead = server({ encryption: { keys: [NEXT_FIELD_KEY, FIELD_KEY] } });
    const { token, session } = await sessions.create({ userId: "ada", data: { a: 1 } });
    await ahead.data(session.id).set("a", 2);
    await expect(session.get("a")).rejects.toThrow(EncryptionKeyMissingError);
    const validation = await sessions.validate(token);
    expect(validation.valid).toBe(true);
    expect(await ahead.data(session.id).get("a")).toBe(2);
  });
});
