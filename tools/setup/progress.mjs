/** Something the person at the keyboard has to know or do; shown without a stack trace. */
export class SetupError extends Error {}

/** Shows what is being done on a terminal; the returned function replaces that with the one line that stays. */
export function progress(name, doing) {
  const startedAt = performance.now();
  const label = name.padEnd(10);
  if (process.stderr.isTTY) process.stderr.write(`${label}${doing} …`);
  return (done) => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const line = done === undefined ? "" : `${label}${done} in ${seconds} s\n`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${line}` : line);
  };
}
