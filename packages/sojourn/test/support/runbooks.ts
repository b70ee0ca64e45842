/** The runbooks of docs/guide/runbooks.md, each as what is done. `npm run runbooks` writes the page from a run of them. */

import { copyFile, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connected, type Said, Stage } from "./runbook.ts";
import { TEST_SECRET } from "./secrets.ts";

export interface Runbook {
  readonly title: string;
  /** What is seen, and what has to be known before anything is typed. */
  readonly when: string;
  run(stage: Stage): Promise<void>;
  /** What is left to say. */
  readonly after: string;
}

const NEXT_SECRET = "the-next-secret-of-the-runbooks-0123456789";

/** Waits for the application's client; what a person does by looking again. */
async function back({ sessions }: Stage): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const answers = await sessions.count().then(
      () => true,
      () => false,
    );
    if (answers) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("the application did not connect again");
}

async function signedIn(stage: Stage, userId: string): Promise<void> {
  const { token, session } = await stage.sessions.create({ userId });
  Object.assign(stage.names, { token, id: session.id });
}

export const RUNBOOKS: readonly Runbook[] = [
  {
    title: "Redis is down",
    when: "Requests with a session get 503 with `Retry-After`, cookies stay, the log says why once a second. Nobody is signed out by that, and nothing has to be restarted but Redis.",
    async run(stage) {
      await signedIn(stage, "ada");
      await stage.server.kill();
      await stage.js("await sessions.validate(token)");
      await stage.js("await sessions.diagnose()");
      await stage.server.start();
      await stage.redis("PING");
      await back(stage);
      await stage.js("(await sessions.validate(token)).valid");
      await stage.js(`(await sessions.diagnose()).filter(({ level }) => level === "problem")`);
    },
    after: "If Redis had kept nothing or snapshots only, go on with *A backup was restored*.",
  },
  {
    title: "Failover by hand",
    when: "The primary is lost and no Sentinel or cluster took over. Choose the replica that has most (`slave_repl_offset`), and never let the old primary take clients again as a primary.",
    async run(stage) {
      const replica = await stage.replica();
      await connected(await replica.admin());
      await signedIn(stage, "ada");
      await (await stage.server.admin()).sendCommand(["WAIT", "1", "5000"]);
      await stage.server.kill();
      await stage.redis("INFO replication", replica, linesWith(/^(?:role|master_link_status|slave_repl_offset)/));
      await stage.redis("REPLICAOF NO ONE", replica);
      stage.proxy.moveTo(replica.port);
      await back(stage);
      await stage.js("(await sessions.validate(token)).valid");
      await stage.js("await sessions.revokeUser('ada')");
      await stage.js("(await sessions.validate(token)).valid");
    },
    after:
      "Point the address that clients use at the new primary (here it moved). Each process tells the new server again what it ended or heard to have ended in the last ten minutes. What was disabled in the last moments before the loss, disable again (`disableUser`): no process remembers that. Start the old primary only with `replicaof` the new one.",
  },
  {
    title: "Memory is full",
    when: "Logins and writes get 503 with reason `full`; reads, logouts and revocations work. The policy must be `noeviction`: any other signs people out instead, and `revokeUser` may miss sessions.",
    async run(stage) {
      await signedIn(stage, "ada");
      const admin = await stage.server.admin();
      await admin.configSet("maxmemory", "1mb");
      await stage.js("await sessions.create({ userId: 'grace' })");
      await stage.js(
        "(await sessions.diagnose()).filter(({ level }) => level === 'problem').map(({ found }) => found)",
      );
      await stage.js("await sessions.logout(token)");
      await stage.redis("CONFIG GET maxmemory-policy");
      await stage.redis("CONFIG SET maxmemory 200mb");
      await stage.js("(await sessions.create({ userId: 'grace' })).session.userId");
      await stage.js("await sessions.reaper.runOnce()");
    },
    after:
      "Write the new limit to the configuration too (`CONFIG REWRITE`). If it filled with sessions that nobody needs: shorter timeouts, `limit`, `anonymous.createRate`.",
  },
  {
    title: "A backup was restored",
    when: "Sessions that were ended since the backup are live again, users who were disabled since are not disabled, and tokens renewed since are superseded. Let no requests in until `revokeBefore` has answered; it needs no process from before.",
    async run(stage) {
      await signedIn(stage, "ada");
      const admin = await stage.server.admin();
      await admin.sendCommand(["SAVE"]);
      const folder = await mkdtemp(join(tmpdir(), "sojourn-backup-"));
      await copyFile(join(stage.server.folder, "dump.rdb"), join(folder, "dump.rdb"));
      await stage.sessions.revoke(String(stage.names["id"]));
      await stage.sessions.close();
      await stage.server.kill();
      const restored = await stage.serverOn(folder, ["--save", "", "--appendonly", "no"]);
      stage.proxy.moveTo(restored.port);
      stage.names["sessions"] = await stage.application();
      await stage.js("(await sessions.validate(token)).valid // it had been revoked");
      await stage.js("await sessions.revokeBefore({ before: new Date(), reason: 'restored' })");
      await stage.js("(await sessions.validate(token)).valid");
      await stage.js("await sessions.check({ repair: true })");
      await stage.redis("CONFIG SET appendonly yes", restored);
    },
    after:
      "Everybody logs in again: that is the price of a backup. Disable again whom you had disabled. An append-only file makes backups rare: with one a restart loses no ending.",
  },
  {
    title: "A secret leaked",
    when: "With a secret alone nobody can log in: a token also needs its own random part, of which Redis holds only a hash. But forged tokens would reach Redis, and CSRF tokens could be made. Rotate at once; nobody is signed out.",
    async run(stage) {
      await signedIn(stage, "ada");
      const before = stage.sessions;
      stage.names["sessions"] = await stage.application({ secrets: [NEXT_SECRET, TEST_SECRET] });
      await stage.js(
        "await sessions.validate(token).then(({ valid, token: next }) => ({ valid, reissued: next !== undefined }))",
      );
      await before.close();
      const result = await stage.sessions.validate(stage.names["token"]);
      stage.names["reissued"] = result.valid ? result.token : undefined;
      stage.names["sessions"] = await stage.application({ secrets: [NEXT_SECRET] });
      await stage.js("(await sessions.validate(token)).reason // `secrets: [next]`: the leaked one is out of the ring");
      await stage.js("(await sessions.validate(reissued)).valid");
    },
    after:
      "Deploy `secrets: [next, leaked]` everywhere; each client gets its token signed anew with its next response. Then `secrets: [next]`: at the latest after the longest absolute timeout, at once if you would rather have the rest log in again. If tokens themselves leaked (a log, a proxy), use *Everybody out*; if the password of Redis did, change it in the ACL, `CLIENT KILL USER sojourn`, then *Everybody out*, for records may have been written.",
  },
  {
    title: "Everybody out",
    when: "After an incident: of one user, of one policy, or all. Every process judges by the cut-off within a second, and the call answers when the last session has ended.",
    async run(stage) {
      await signedIn(stage, "ada");
      await stage.sessions.create({ userId: "ada" });
      await stage.sessions.create({ userId: "grace", policy: "rememberMe" });
      await stage.sessions.create({ userId: "linus" });
      await stage.js("await sessions.revokeUser('ada', { reason: 'incident' })");
      await stage.js("await sessions.revokeBefore({ policy: 'rememberMe', before: new Date(), reason: 'incident' })");
      await stage.js("await sessions.count()");
      await stage.js("await sessions.revokeBefore({ before: new Date(), reason: 'incident' })");
      await stage.js("await sessions.count()");
      await stage.js("await sessions.validate(token)");
    },
    after:
      "A call that failed half-way has left its cut-off standing: call it again. To keep a user out, `disableUser`.",
  },
];

function linesWith(pattern: RegExp): (answer: string) => string {
  return (answer) =>
    answer
      .split("\n")
      .filter((line) => pattern.test(line))
      .join("\n");
}

/** On a stage of its own. */
export async function tried(runbook: Runbook): Promise<readonly Said[]> {
  const stage = await Stage.set();
  try {
    await runbook.run(stage);
    return stage.said;
  } finally {
    await stage.close();
  }
}
