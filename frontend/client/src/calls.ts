/** The calls of this user as the hub tells of them, and those who wait for their end. */

import type { Call, CallView } from './api.js';
import { BatonError } from './error.js';
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
  reset(views: readonly CallView[]): void {
    const told = new Set(views.map((v) => v.call));
    for (const view of this.#views.values()) {
      if (!ended(view) && !told.has(view.call)) this.put({ ...view, state: 'unknown' });
    }
    for (const view of views) this.put(view);
  }

  put({ call, command, args, by, term, state, progress, result, error }: CallView): void {
    const view: CallView = {
      ...{ call, command, args, by, term, state },
      ...(progress !== undefined && { progress }),
      ...(result !== undefined && { result }),
      ...(error !== undefined && { error }),
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
  handle(first: CallView): Call<unknown> {
    const id = first.call;
    if (!this.#views.has(id)) this.put(first);
    const source = new Source<CallView>(this.#batch, (before) => this.#views.get(id) ?? before ?? first);
    source.get();
    this.#sources.set(id, source);
    return { id, get: source.get, subscribe: source.subscribe, finished: () => this.#finished(source.get()) };
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
    for (const { call } of old.slice(0, Math.max(0, old.length - keepEnded))) {
      this.#views.delete(call);
      this.#sources.delete(call);
    }
  }
}

function ended(view: CallView): boolean {
  return view.state === 'done' || view.state === 'failed' || view.state === 'unknown';
}

function settle(view: CallView, waiter: Waiter): void {
  if (view.state === 'done') {
    waiter.resolve(view.result);
    return;
  }
  const detail =
    view.error ??
    (view.state === 'failed'
      ? `${view.command} failed.`
      : `Whether ${view.command} was done is not known: look before you repeat it.`);
  waiter.reject(new BatonError({ code: view.state, detail }));
}
