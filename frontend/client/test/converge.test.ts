import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Baton, BatonError, connect, defineStore, type Store } from '../src/index.js';
import { type FakeSocket, type Frame, type Request, Sockets, StoreModel, welcome } from './hub.js';

/**
 * The promise of the optimistic store, over random schedules: own writes, refusals, retries, the changes of others,
 * connections that are cut with requests and answers under way, answers that say "perhaps", catching up by values.
 */
type Step =
  | {
      do: 'set' | 'patch' | 'delete' | 'create' | 'replace' | 'other' | 'otherPatch' | 'otherDelete';
      key: string;
    }
  | { do: 'both' }
  | { do: 'take' | 'refuse' | 'busy' | 'perhaps' | 'deliver' | 'coalesce' | 'cut' | 'wait' };

const keys = ['a', 'b', 'c'];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'set' as const,
        'patch' as const,
        'delete' as const,
        'create' as const,
        'replace' as const,
      ),
      key: fc.constantFrom(...keys),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('other' as const, 'otherPatch' as const, 'otherDelete' as const),
      key: fc.constantFrom(...keys),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'take' as const,
        'take' as const,
        'deliver' as const,
        'deliver' as const,
        'wait' as const,
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'both' as const,
        'refuse' as const,
        'busy' as const,
        'perhaps' as const,
        'coalesce' as const,
        'cut' as const,
        'cut' as const,
      ),
    }),
  },
);

class World {
  readonly hub = new StoreModel();
  readonly sockets = new Sockets();
  readonly baton: Baton;
  readonly ui: Store<number>;
  readonly outcomes = new Map<number, 'saved' | 'refused'>();
  /** Own writes, the newest last; undefined: a deletion. */
  readonly made: { n: number; keys: readonly string[]; value: number | undefined }[] = [];
  #inbox: Request[] = []; // at the hub, not taken yet
  #outbox: Frame[][] = []; // messages to the page, under way
  #up: FakeSocket | undefined;
  #joined = false;
  #confirmed = new Set<string>(); // own operations whose change the page has been told
  #values = 0;
  #shown = new Map<string, number>();
  #serial = 0;
  notified = 0;

  constructor() {
    this.baton = connect({ url: 'http://hub', client: 'page', open: this.sockets.open });
    this.ui = this.baton.store(defineStore<number>({ name: 'ui' }));
    this.ui.subscribe(() => this.notified++);
    this.reconnect();
  }

  run(step: Step): void {
    if ('key' in step) this.#write(step.do, step.key);
    else if (step.do === 'both') this.#own(['a', 'b'], { set: { a: ++this.#values, b: this.#values } });
    else if (step.do === 'deliver') this.#deliver();
    else if (step.do === 'coalesce') this.#coalesce();
    else if (step.do === 'cut') this.#cut();
    else if (step.do === 'wait') {
      vi.advanceTimersByTime(700);
      this.reconnect();
    } else this.#handle(step.do);
  }

  #write(what: Extract<Step, { key: string }>['do'], key: string): void {
    const set = { [key]: ++this.#values };
    const position = this.ui.get().keys.get(key)?.position ?? 0;
    if (what === 'set') this.#own([key], { set });
    else if (what === 'patch') this.#own([key], { patch: set });
    else if (what === 'delete') this.#own([key], { delete: [key] });
    else if (what === 'create') this.#own([key], { set, if: { [key]: 0 } });
    else if (what === 'replace') this.#own([key], { set, if: { [key]: position } });
    else if (what === 'other') this.#tell(this.hub.write({ set }, 'bob').frames);
    else if (what === 'otherPatch') this.#tell(this.hub.write({ patch: set }, 'bob').frames);
    else if (this.hub.values.has(key)) this.#tell(this.hub.write({ delete: [key] }, 'bob').frames);
  }

  /** What must hold after every step. */
  check(): void {
    const view = this.ui.get();
    for (const key of keys) {
      const state = view.keys.get(key);
      const shown = view.values.get(key);
      if (state?.saving) {
        const mine = this.made
          .filter(
            (m) => m.keys.includes(key) && !this.outcomes.has(m.n) && !this.#confirmed.has(`page.${m.n}`),
          )
          .at(-1);
        expect(mine, `${key} is saving, so there is something to save`).toBeDefined();
        expect(shown, `${key} shows the newest own change that is not answered`).toBe(mine?.value);
        continue;
      }
      if (!view.ready) continue;
      this.#neverOlder(key, shown);
    }
  }

  /** A value that is not a wish is one that the hub has had, and not an older one than was shown before. */
  #neverOlder(key: string, shown: number | undefined): void {
    const before = this.#shown.get(key) ?? 0;
    if (shown === undefined) {
      const gone = this.hub.entries.findLast((e) => e.key === key && e.value === undefined)?.position ?? 0;
      expect(gone, `${key} was shown at ${before} and is gone only at ${gone}`).toBeGreaterThanOrEqual(
        before,
      );
      return;
    }
    const entry = this.hub.entries.find((e) => e.key === key && e.value === shown);
    expect(entry, `${key} shows ${shown}, which the hub never had`).toBeDefined();
    expect(entry?.position ?? 0, `${key} goes back to ${shown}`).toBeGreaterThanOrEqual(before);
    this.#shown.set(key, entry?.position ?? 0);
  }

  /** Lets everything finish, and compares. */
  async finish(): Promise<void> {
    const finished = () =>
      this.outcomes.size === this.made.length &&
      this.baton.status.get() === 'live' &&
      this.#inbox.length + this.#outbox.length === 0;
    for (let i = 0; i < 1000 && !finished(); i++) {
      this.run({ do: 'wait' });
      while (this.#inbox.length > 0) this.#handle('take');
      while (this.#outbox.length > 0) this.#deliver();
      this.check();
      await flush();
    }
    expect(this.outcomes.size, 'every write is answered').toBe(this.made.length);
    const view = this.ui.get();
    const expected = new Map([...this.hub.values.values()].map((e) => [e.key, e.value]));
    expect(new Map([...view.values].sort()), 'the page shows what the hub has').toEqual(
      new Map([...expected].sort()),
    );
    expect([...view.keys.values()].some((k) => k.saving)).toBe(false);
    this.#appliedOnceInOrder();
  }

  #appliedOnceInOrder(): void {
    for (const { n, keys: touched } of this.made) {
      const entries = this.hub.entries.filter((e) => e.op === `page.${n}`);
      expect(entries.length, `operation ${n}`).toBe(this.outcomes.get(n) === 'saved' ? touched.length : 0);
    }
    for (const key of keys) {
      const ops = this.hub.entries
        .filter((e) => e.key === key && e.op)
        .map((e) => Number(e.op?.split('.')[1]));
      expect(ops, `own changes of ${key} in the order they were made`).toEqual(
        [...ops].sort((x, y) => x - y),
      );
    }
  }

  reconnect(): void {
    const socket = this.sockets.last;
    if (socket.state !== 'opening') return;
    socket.open();
    this.#up = socket;
    this.#outbox.push([welcome()]);
    this.#deliver();
  }

  #own(touched: readonly string[], write: Parameters<Store<number>['write']>[0]): void {
    const n = ++this.#serial;
    const [value] = Object.values({ ...write.set, ...write.patch });
    this.made.push({ n, keys: touched, value });
    this.ui.write(write).then(
      () => this.outcomes.set(n, 'saved'),
      (err: unknown) => {
        if (!(err instanceof BatonError)) throw err;
        this.outcomes.set(n, 'refused');
      },
    );
    this.#read();
  }

  #handle(how: 'take' | 'refuse' | 'busy' | 'perhaps'): void {
    this.#read();
    const request = this.#inbox.shift();
    if (!request) return;
    if (request.type === 'join') {
      this.#joined = true;
      this.#outbox.push([this.hub.joined(request)]);
      return;
    }
    if (request.type !== 'write') return;
    const { id } = request;
    const error = (code: string) => [{ type: 'error', id, code, detail: 'no', op: request.op }];
    const answered = this.hub.answers.has(request.op ?? '');
    if ((how === 'busy' || how === 'refuse') && !answered) {
      this.#tell(error(how === 'busy' ? 'overloaded' : 'forbidden'));
      return;
    }
    const { position, frames } = this.hub.write(request, 'alice');
    this.#tell(frames);
    if (position === 0) this.#tell(error('conflict'));
    else if (how === 'perhaps') this.#tell(error('unknown'));
    else this.#tell([{ type: 'written', id, position, cursor: this.hub.cursor }]);
  }

  #tell(frames: Frame[]): void {
    const told = frames.filter((f) => this.#joined || f.type !== 'change');
    if (told.length > 0 && this.#up) this.#outbox.push(told);
  }

  #deliver(): void {
    const message = this.#outbox.shift();
    if (!message || !this.#up) return;
    for (const { type, op } of message) {
      if (type === 'change' && op) this.#confirmed.add(op as string);
    }
    this.#up.push(...message);
    this.#read();
  }

  /** The page was slow: what waits for it is thrown away, and it gets the present values, then its answers. */
  #coalesce(): void {
    const frames = this.#outbox.flat();
    const first = frames.findIndex((f) => f.type === 'change');
    if (first < 0 || frames.some((f) => f.type === 'joined' || f.type === 'welcome')) return;
    const answers = frames.filter((f) => f.type !== 'change');
    const before = (frames[first]?.position ?? 1) - 1;
    this.#outbox = [
      [this.hub.joined({ cursor: before > 0 ? `e1-${before.toString(36)}` : 'e1-0' }), ...answers],
    ];
  }

  #cut(): void {
    this.#read();
    const socket = this.#up;
    this.#up = undefined;
    this.#joined = false;
    this.#inbox = [];
    this.#outbox = [];
    socket?.cut();
  }

  #read(): void {
    this.#inbox.push(...(this.#up?.taken() ?? []));
  }
}

async function flush(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

describe('an optimistic store', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('fetch', () => Promise.reject(new Error('no network')));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('converges, applies each write once and in order, and shows no wrong value in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        vi.clearAllTimers();
        const world = new World();
        await flush();
        for (const s of steps) {
          world.run(s);
          await flush();
          world.check();
        }
        await world.finish();
        world.baton.close();
        expect(vi.getTimerCount(), 'timers after close').toBe(0);
      }),
      { numRuns: Number(process.env.RUNS ?? 400) },
    );
  }, 120_000);
});
