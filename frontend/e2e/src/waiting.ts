/** How long anything that has to happen may take, on a machine that is slow. Nothing here takes as long when it works. */
export const patience = 60_000;

/** How long it may take until a page has what it wants of a line that is whole again: it may just have begun to wait 30 s. */
export const ending = 75_000;

/** Looks until `probe` gives something true, and returns that. `what` is what one waits for, for the message. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  limit = patience,
): Promise<NonNullable<T>> {
  const end = performance.now() + limit;
  let last: unknown;
  do {
    try {
      const found = await probe();
      if (found) return found;
      last = found;
    } catch (err) {
      last = err;
    }
    await new Promise((next) => setTimeout(next, 20));
  } while (performance.now() < end);
  throw new Error(`waited ${limit / 1000} s for ${what}; the last look gave: ${String(last)}`);
}

/** How long a test may take: ten times what the longest takes on a machine that does nothing else. */
export const testTimeout = 300_000;
