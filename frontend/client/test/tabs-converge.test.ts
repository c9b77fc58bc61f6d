import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { BatonError, defineStore } from '../src/index.js';
import { Browser, Room, type Tab } from './tabs.js';

/**
 * The promise of tabs that share a connection, over random schedules: tabs that are opened, closed, killed, frozen and
 * thawed, sockets that are cut with requests and answers under way, writes of every tab and of others.
 */
type Step =
  | { readonly do: 'open' | 'close' | 'kill' | 'freeze' | 'thaw'; readonly tab: number }
  | { readonly do: 'write'; readonly tab: number; readonly key: string }
  | { readonly do: 'other'; readonly key: string }
  | { readonly do: 'hold' | 'cut' | 'leaving' }
  | { readonly do: 'wait'; readonly ms: number };

const tab = fc.nat({ max: 4 });
const key = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), tab, key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('other' as const), key }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('open', 'open', 'close', 'kill', 'freeze', 'thaw'), tab }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('hold', 'cut', 'cut', 'leaving') }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 100, 1_500, 6_000) }),
  },
);

const ui = defineStore<number>({ name: 'ui' });
const tabsAtMost = 5;

class World {
  readonly browser = new Browser();
  readonly room = new Room();
  readonly tabs: Tab[] = [];
  /** Each write is of another value; `lost`: its tab is gone, and nobody hears of it. */
  readonly outcomes = new Map<number, 'under way' | 'saved' | 'lost'>();
  #values = 0;

  async run(step: Step): Promise<void> {
    const one = 'tab' in step ? this.tabs[step.tab] : undefined;
    if (step.do === 'open') this.#open();
    else if (step.do === 'write') this.#write(one, step.key);
    else if (step.do === 'other') this.room.other({ [step.key]: ++this.#values });
    else if (step.do === 'hold') this.room.line = 'held';
    else if (step.do === 'cut') this.#cut();
    else if (step.do === 'leaving') this.room.push({ type: 'leaving', within_ms: 5_000 });
    else if (step.do === 'wait') await vi.advanceTimersByTimeAsync(step.ms);
    else if (one?.state === 'running' && step.do === 'freeze') one.freeze();
    else if (one?.state === 'frozen' && step.do === 'thaw') one.thaw();
    else if (one?.state === 'running' && step.do === 'close') this.#gone(one, () => one.baton.close());
    else if (one && one.state !== 'dead' && step.do === 'kill') this.#gone(one, () => one.kill());
    await vi.advanceTimersByTimeAsync(0);
  }

  /** Lets everything finish, and compares. */
  async finish(): Promise<void> {
    this.#cut();
    for (const one of this.tabs) if (one.state === 'frozen') one.thaw();
    if (this.tabs.length === 0) this.#open();
    await vi.advanceTimersByTimeAsync(10); // what waited in a tab that was frozen happens
    const finished = () =>
      this.tabs.every(({ baton }) => baton.status.get() === 'live' && baton.store(ui).get().ready) &&
      [...this.outcomes.values()].every((outcome) => outcome !== 'under way') &&
      this.room.connections.length === 1;
    for (let i = 0; i < 200 && !finished(); i++) await vi.advanceTimersByTimeAsync(1_000);
    expect(this.tabs.map(({ baton }) => baton.status.get())).toEqual(this.tabs.map(() => 'live'));
    expect([...this.outcomes.values()], 'every tab hears of its own').not.toContain('under way');
    expect(this.room.connections.length, 'connections').toBe(1);
    const there = Object.fromEntries([...this.room.ui.values].map(([k, entry]) => [k, entry.value]));
    for (const { baton } of this.tabs) {
      expect(Object.fromEntries(baton.store(ui).get().values)).toEqual(there);
      expect([...baton.store(ui).get().keys.values()].some(({ saving }) => saving)).toBe(false);
    }
    for (const [value, outcome] of this.outcomes) {
      const times = this.room.ui.entries.filter((entry) => entry.value === value).length;
      if (outcome === 'saved') expect(times, `write ${value}`).toBe(1);
      else expect(times, `write ${value}, whose tab is gone`).toBeLessThanOrEqual(1);
    }
  }

  close(): void {
    for (const { baton } of this.tabs) baton.close();
  }

  #open(): void {
    if (this.tabs.length === tabsAtMost) return;
    const made = this.browser.open(this.room);
    made.baton.store(ui).subscribe(() => {});
    this.tabs.push(made);
  }

  #gone(one: Tab, go: () => void): void {
    this.tabs.splice(this.tabs.indexOf(one), 1);
    go();
  }

  #write(one: Tab | undefined, to: string): void {
    if (one?.state !== 'running') return;
    const value = ++this.#values;
    this.outcomes.set(value, 'under way');
    one.baton
      .store(ui)
      .set(to, value)
      .then(
        () => this.outcomes.set(value, 'saved'),
        (err: unknown) => {
          if (!(err instanceof BatonError && err.code === 'closed')) throw err;
          this.outcomes.set(value, 'lost');
        },
      );
  }

  /** All sockets break: what the hub has said and was held does not arrive. */
  #cut(): void {
    this.room.line = 'up';
    for (const socket of this.room.sockets) socket.cut();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('tabs of one connection converge, apply each write once, and each hears of its own', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      vi.clearAllTimers();
      const world = new World();
      for (const one of [{ do: 'open', tab: 0 } as const, { do: 'open', tab: 0 } as const, ...steps]) {
        await world.run(one);
      }
      await world.finish();
      world.close();
      await vi.advanceTimersByTimeAsync(0);
      expect(vi.getTimerCount(), 'timers after close').toBe(0);
    }),
    { numRuns: Number(process.env.RUNS ?? 100) },
  );
}, 120_000);
