import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface WriterReport {
  readonly written: number;
  readonly failures: readonly string[];
}

const SCRIPT = fileURLToPath(new URL("./session-writer.ts", import.meta.url));

/** Starts processes that write to one session at the same moment, and answers what each reports. */
export async function writeFromProcesses(
  url: string,
  id: string,
  work: string,
  { processes = 4, times = 50, meanwhile = async (): Promise<void> => undefined } = {},
): Promise<WriterReport[]> {
  const children = Array.from({ length: processes }, (_, i) =>
    fork(SCRIPT, [url, id, `w${i}`, work, String(times)], { execArgv: ["--disable-warning=ExperimentalWarning"] }),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  const reports = children.map(async (child) => (await once(child, "message"))[0] as WriterReport);
  for (const child of children) child.send("go");
  await meanwhile();
  return Promise.all(reports);
}
