/** Checks of what the server keeps: at full memory, and through a restart. */

import { inBytes, problem, type Verdict, warning, well } from "../../../store/diagnosis.ts";
import type { ServerReport } from "./server-report.ts";

/** Parts of the memory in use. */
const NEARLY_FULL = 0.75;
const FULL = 0.9;

export function eviction({ info }: ServerReport): Verdict {
  const policy = info.get("maxmemory_policy");
  const fix = "CONFIG SET maxmemory-policy noeviction, and give it memory for the sessions that you expect.";
  if (policy === undefined) return warning("not known: INFO does not say", "Make sure that no key is ever evicted.");
  if (policy === "noeviction") return well(policy);
  const [keys, evicted] = [
    policy.startsWith("volatile-") ? "keys with an expiry" : "any key",
    Number(info.get("evicted_keys")),
  ];
  const soFar = evicted > 0 ? `; ${evicted} went so far` : "";
  return problem(
    `${policy}: at full memory ${keys} may go, lists of users' sessions too, and then revokeUser misses sessions${soFar}`,
    fix,
  );
}

export function memory({ info }: ServerReport): Verdict {
  const [used, limit] = [Number(info.get("used_memory")), Number(info.get("maxmemory") ?? 0)];
  const whole = limit > 0 ? limit : Number(info.get("total_system_memory"));
  const part = used / whole;
  const found = `${inBytes(used)} of ${inBytes(whole)}${limit > 0 ? "" : ", the machine's memory: maxmemory is not set"}`;
  if (!Number.isFinite(part)) return warning("not known: INFO does not say", "Watch how full the server's memory is.");
  if (part >= FULL) return problem(`${found}: logins will be refused`, "Give it more memory, or shorten timeouts.");
  if (part >= NEARLY_FULL) return warning(found, "Give it more memory before logins are refused.");
  return well(found);
}

export function persistence({ info, settings }: ServerReport): Verdict {
  const isAppending = info.get("aof_enabled");
  if (isAppending === undefined)
    return warning("not known: INFO does not say", "Make sure that it writes an append-only file.");
  return isAppending === "1" ? appendOnly(info, settings.get("appendfsync")) : noAppendOnly(info, settings.get("save"));
}

function appendOnly(info: ReadonlyMap<string, string>, fsync: string | undefined): Verdict {
  const failing = ["aof_last_write_status", "aof_last_bgrewrite_status"].filter((name) => info.get(name) === "err");
  if (failing.length > 0) {
    return problem(
      `append-only file, but ${failing.join(", ")} is err`,
      "See the server's log: most often its disk is full.",
    );
  }
  if (fsync === undefined) {
    return warning(
      "append-only file; appendfsync is not known",
      "Look yourself: CONFIG GET appendfsync should say everysec or always.",
    );
  }
  if (fsync === "no") {
    return warning(
      "append-only file, appendfsync no: a power cut may take half a minute of logins and revocations",
      "CONFIG SET appendfsync everysec.",
    );
  }
  return well(`append-only file, appendfsync ${fsync}`);
}

function noAppendOnly(info: ReadonlyMap<string, string>, save: string | undefined): Verdict {
  const fix = "CONFIG SET appendonly yes, CONFIG SET appendfsync everysec, CONFIG REWRITE.";
  if (save !== "") {
    const snapshots =
      save === undefined
        ? "no append-only file; whether snapshots are taken is not known"
        : `snapshots only (save ${save})`;
    return problem(
      `${snapshots}: after a restart, sessions are live again that were ended since the last snapshot`,
      fix,
    );
  }
  if (Number(info.get("connected_slaves")) > 0) {
    return problem(
      "nothing is kept: a primary that restarts by itself comes back empty, and empties its replicas",
      fix,
    );
  }
  return warning("nothing is kept: a restart signs everybody out, and forgets disabled users", fix);
}
