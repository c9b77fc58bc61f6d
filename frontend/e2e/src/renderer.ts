/** The process that a page runs in, to be stopped as a browser freezes a tab, or killed as the system does when memory is short. */

import type { Page } from 'playwright-core';

/** Those that stand still, so that none is left so however the tests end. */
const still = new Set<Renderer>();
process.on('exit', thawAll);

export function thawAll(): void {
  for (const one of still) one.thaw();
}

export class Renderer {
  readonly pid: number;

  private constructor(pid: number) {
    this.pid = pid;
  }

  /** Finds those of some pages of one browser. Pages without an opener in common have one each. */
  static async of(...pages: readonly Page[]): Promise<Renderer[]> {
    const browser = pages[0]?.context().browser();
    if (!browser) throw new Error('the pages are of no browser that can be asked');
    // A mark is traced with the process that has made it. A browser makes one trace at a time.
    await browser.startTracing(pages[0], { categories: ['blink.user_timing'] });
    const marks = pages.map((_, i) => `page ${i} ${Math.random()}`);
    await Promise.all(
      pages.map((page, i) => page.evaluate((name) => void performance.mark(name ?? ''), marks[i])),
    );
    const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as {
      traceEvents: readonly { readonly name: string; readonly pid: number }[];
    };
    return marks.map((mark) => {
      const made = traceEvents.find(({ name }) => name === mark);
      if (!made) throw new Error('a page is not in the trace');
      return new Renderer(made.pid);
    });
  }

  /** It does nothing any more, in the middle of whatever it does; its sockets and locks stay. */
  freeze(): void {
    still.add(this);
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    if (still.delete(this)) process.kill(this.pid, 'SIGCONT');
  }

  kill(): void {
    still.delete(this);
    process.kill(this.pid, 'SIGKILL');
  }
}
