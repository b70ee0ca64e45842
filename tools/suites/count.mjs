/** What a suite answers when nothing ran. `failures` names what failed, one line each. */
export const NOTHING = { passed: 0, failed: 0, skipped: 0, todo: 0, failures: [] };

export function add(a, b) {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    todo: a.todo + b.todo,
    failures: [...a.failures, ...b.failures],
  };
}

export function failure(name) {
  return { ...NOTHING, failed: 1, failures: [name] };
}
