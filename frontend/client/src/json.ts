/** JSON values: patched, and compared. Nothing given is changed. */

/** Applies a JSON Merge Patch (RFC 7396). What it does not touch stays the same object. */
export function patched(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  // Not member by member into an object: one of them may be named __proto__.
  const members = new Map(isObject(value) ? Object.entries(value) : []);
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) members.delete(name);
    else members.set(name, patched(members.get(name), change));
  }
  return Object.fromEntries(members);
}

/** The newer of two values, or the older one if they are equal: whoever shows it has nothing to do then. */
export function newer<T>(before: T | undefined, now: T): T {
  return before !== undefined && JSON.stringify(before) === JSON.stringify(now) ? before : now;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
