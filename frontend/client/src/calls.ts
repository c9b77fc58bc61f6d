/** The calls of this user as the hub tells of them, and those who wait for their end. */

import type { Call, CallState, CallView } from './api.js';
import { BatonError } from './error.js';
import type { CallData } from './frames.js';
import { type Batch, Source } from './source.js';

const keepEnded = 100;

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: BatonError) => void;
}

export class Calls {
  readonly all: Source<readonly CallView[]>;
  #batch: Batch;
  #views = new Map<string, CallView>();
  #sources = new Map<string, Source<CallView>>();
  #waiters = new Map<string, Waiter[]>();

  constructor(batch: Batch) {
    this.#batch = batch;
    this.all = new Source<readonly CallView[]>(batch, () => [...this.#views.values()]);
  }

  /** All there are, after a new connection. One that the hub has forgotten in the meantime has an unknown end. */
  reset(calls: readonly CallData[]): void {
    const told = new Set(calls.map((c) => c.call));
    for (const view of this.#views.values()) {
      if (!ended(view) && !told.has(view.call)) this.put({ ...view, state: 'unknown' });
    }
    for (const call of calls) this.put(call);
  }

  put({ deadline_ms, ...told }: CallData): void {
    const { call } = told;
    const view: CallView = {
      ...told,
      ...(deadline_ms !== undefined && { until: performance.now() + deadline_ms }),
    };
    this.#views.set(call, view);
    this.#prune();
    this.all.changed();
    this.#sources.get(call)?.changed();
    if (!ended(view)) return;
    for (const waiter of this.#waiters.get(call) ?? []) settle(view, waiter);
    this.#waiters.delete(call);
  }

  /** A call that the hub has accepted; `first` is what is known until it says more. */
  handle(first: CallData): Omit<Call<unknown>, 'cancel'> {
    const id = first.call;
    if (!this.#views.has(id)) this.put(first);
    let last: CallView = first; // of one that is kept no longer, it stays
    const source = new Source(this.#batch, () => {
      last = this.#views.get(id) ?? last;
      return last;
    });
    source.get();
    this.#sources.set(id, source);
    return { id, ...source, finished: () => this.#finished(source.get()) };
  }

  /** Nothing more will be heard. */
  end(error: BatonError): void {
    for (const waiter of [...this.#waiters.values()].flat()) waiter.reject(error);
    this.#waiters.clear();
  }

  #finished(view: CallView): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (ended(view)) settle(view, waiter);
      else this.#waiters.set(view.call, [...(this.#waiters.get(view.call) ?? []), waiter]);
    });
  }

  #prune(): void {
    const old = [...this.#views.values()].filter(ended);
    for (const { call } of old.slice(0, -keepEnded)) {
      this.#views.delete(call);
      this.#sources.delete(call);
    }
  }
}

/** The ends of a call, and what to say where its service has said nothing. */
const ends: Partial<Record<CallState, string>> = {
  done: '',
  failed: 'It failed',
  cancelled: 'It was cancelled',
  unknown: 'Whether it was done is not known: look before you repeat it',
};

function ended(view: CallView): boolean {
  return view.state in ends;
}

function settle({ state, result, error, command }: CallView, waiter: Waiter): void {
  if (state === 'done') waiter.resolve(result);
  else waiter.reject(new BatonError({ code: state, detail: error ?? `${command}: ${ends[state]}.` }));
}
