/**
 * A Baton without a hub, for component tests and for looking at the screen in every state (dev.html). It keeps values
 * and notes what it was asked; it decides nothing. What a hub would do is said by whoever uses it.
 */

import {
  type Baton,
  BatonError,
  type CallView,
  type ControlView,
  type Ending,
  type KeyState,
  type LogView,
  type Member,
  type Readable,
  type SignalView,
  type Status,
  type StoreView,
  type StoreWrite,
  type You,
} from '@baton/client';
import type { RoundTrip } from '../shell/roundTrip.ts';

/** A value that can be changed from outside. */
export class Atom<T> implements Readable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = () => this.#value;
  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  set(value: T) {
    this.#value = value;
    for (const listener of this.#listeners) listener();
  }
}

export interface Scene {
  readonly title: string;
  readonly status: Status;
  readonly ending?: Ending;
  readonly you: You;
  readonly control: ControlView;
  readonly people: readonly Member[];
  readonly stores: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly logs: Readonly<Record<string, readonly { at: string; by: string; data: unknown }[]>>;
}

/** What the fake was asked to do: ['request', 'please'], ['queue.start', {}], ['write queue', {...}]. */
export type Asked = readonly [what: string, ...details: readonly unknown[]];

export interface Fake extends Baton {
  readonly asked: Asked[];
  readonly status: Atom<Status>;
  readonly view: Atom<ControlView>;
  readonly presence: Atom<readonly Member[]>;
  readonly idle: Atom<{ readonly until: number } | null>;
  /** What the page finds of its link; no part of a Baton. */
  readonly roundTrip: Atom<number | null> & RoundTrip;
  /** Answers what is asked; default: at once, with yes. Throw a BatonError to refuse. */
  answer: (asked: Asked) => unknown;
  readonly values: (store: string) => Atom<StoreView<unknown>>;
  readonly messages: (log: string) => Atom<LogView<unknown>>;
  /** What others send over a signal, by who they are. */
  readonly heard: (signal: string) => Atom<SignalView<unknown>>;
}

export function fakeBaton(scene: Scene): Fake {
  const asked: Asked[] = [];
  const ask = async (...request: Asked) => {
    asked.push(request);
    return await fake.answer(request);
  };
  const values = remember((name) => new Atom(storeView(scene.stores[name] ?? {})));
  const messages = remember((name) => new Atom(logView(scene.logs[name] ?? [])));
  const logs = remember((name) => ({
    ...messages(name),
    append: (data: unknown) => ask(`append ${name}`, data),
  }));
  const heard = remember((_name) => new Atom<SignalView<unknown>>({ ready: true, latest: new Map() }));
  const signals = remember((name) => ({
    ...heard(name),
    // How long the hub takes to answer is told all the time, and is nothing that somebody does.
    send: (data: unknown) => void (name !== 'links' && asked.push([`send ${name}`, data])),
  }));
  const stores = remember((name) => storeOf(name, values(name), ask));
  const view = new Atom(scene.control);
  const fake = {
    asked,
    answer: () => undefined,
    values,
    messages,
    heard,
    view,
    status: new Atom<Status>(scene.status),
    ending: new Atom(scene.ending ?? null),
    idle: new Atom<{ readonly until: number } | null>(null),
    roundTrip: Object.assign(new Atom<number | null>(null), { ask: () => undefined }),
    you: new Atom(scene.you),
    presence: new Atom(scene.people),
    calls: new Atom<readonly CallView[]>([]),
    welcome: new Atom(welcomeTo(scene)),
    control: {
      get: view.get,
      subscribe: view.subscribe,
      ...Object.fromEntries(
        ['request', 'cancel', 'grant', 'deny', 'give', 'release', 'take'].map((verb) => [
          verb,
          (...details: unknown[]) => ask(verb, ...details),
        ]),
      ),
    },
    store: ({ name }: { name: string }) => stores(name),
    log: ({ name }: { name: string }) => logs(name),
    signal: ({ name }: { name: string }) => signals(name),
    call: async ({ name }: { name: string }, args: unknown) => {
      const result = await ask(name, args);
      return { id: 'k1', get: () => null, subscribe: () => () => undefined, finished: async () => result };
    },
    close: () => undefined,
  } as unknown as Fake; // The generic methods of Baton cannot be told from their names alone.
  return fake;
}

/** What a hub says first to who enters the scene. */
function welcomeTo(scene: Scene) {
  return {
    conn: 'c1',
    session: scene.you.session,
    space: 'demo',
    title: scene.title,
    epoch: 'e',
    you: scene.you,
    channels: Object.fromEntries(
      Object.keys(scene.stores).map((name) => [
        name,
        {
          kind: 'store',
          scope: name === 'ui' ? 'user' : 'space',
          live: name === 'motors' || name === 'scan',
        },
      ]),
    ),
    commands: {},
    grace_ms: 30_000,
    limits: { message: 65_536, unanswered: 32, joined: 128 },
    version: 'dev',
    node: 'dev',
  };
}

/** The same object for the same name, always, as the real client promises. */
function remember<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    let one = made.get(name);
    if (one === undefined) {
      one = make(name);
      made.set(name, one);
    }
    return one;
  };
}

function storeOf(name: string, atom: Atom<StoreView<unknown>>, ask: (...asked: Asked) => Promise<unknown>) {
  const write = async (change: StoreWrite<unknown>) => {
    const before = atom.get();
    const touched = [...Object.keys(change.set ?? {}), ...(change.delete ?? [])];
    atom.set(changed(before, change));
    try {
      await ask(`write ${name}`, change);
      atom.set(marked(atom.get(), touched, { saving: false }));
    } catch (err) {
      const refused =
        err instanceof BatonError ? err : new BatonError({ code: 'invalid', detail: String(err) });
      atom.set(marked(before, touched, { saving: false, refused }));
      throw err;
    }
  };
  return {
    get: atom.get,
    subscribe: atom.subscribe,
    write,
    set: (key: string, value: unknown, options?: { if?: number }) =>
      write({ set: { [key]: value }, ...(options?.if === undefined ? {} : { if: { [key]: options.if } }) }),
    delete: (key: string) => write({ delete: [key] }),
    dismiss: (key: string) => {
      const { refused: _, ...rest } = atom.get().keys.get(key) ?? keyState;
      atom.set({ ...atom.get(), keys: new Map(atom.get().keys).set(key, rest) });
    },
  };
}

const keyState: KeyState = { position: 1, by: 'alice', at: '', saving: false };

function storeView(values: Readonly<Record<string, unknown>>): StoreView<unknown> {
  const entries = Object.entries(values);
  return { ready: true, values: new Map(entries), keys: new Map(entries.map(([key]) => [key, keyState])) };
}

function changed(view: StoreView<unknown>, change: StoreWrite<unknown>): StoreView<unknown> {
  const values = new Map(view.values);
  for (const [key, value] of Object.entries(change.set ?? {})) values.set(key, value);
  for (const key of change.delete ?? []) values.delete(key);
  return marked({ ...view, values }, Object.keys(change.set ?? {}), { saving: true });
}

function marked(
  view: StoreView<unknown>,
  touched: readonly string[],
  state: Partial<KeyState>,
): StoreView<unknown> {
  const keys = new Map(view.keys);
  for (const key of touched) keys.set(key, { ...(keys.get(key) ?? keyState), ...state });
  return { ...view, keys };
}

function logView(messages: readonly { at: string; by: string; data: unknown }[]): LogView<unknown> {
  return { ready: true, gap: false, messages: messages.map((m, i) => ({ ...m, position: i + 1, n: 0 })) };
}
