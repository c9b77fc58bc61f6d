/**
 * What a tab plays in cuts.test.ts: the client with all that it has for browsers. One connection for all tabs, what is not
 * answered kept beyond the page, and a slice of a Redux store. It tells the test at once what becomes of each change, as it
 * may be gone at any time.
 */

import { type Baton, BatonError, connect, type Refused } from '@baton/client';
import { persist } from '@baton/client/persist';
import { keepSlice, type Slice, withStore } from '@baton/client/redux';
import { withTabs } from '@baton/client/tabs';
import { configureStore, createSlice, type PayloadAction } from '@reduxjs/toolkit';
import { join, type Move, make, ready, type Sight, sight, tasks, type Value } from '../src/moves.ts';
import { database } from './database.ts';

/** What is known of a change. `kept`: it is in the browser's database, as one of this user. */
export interface Told {
  readonly n: number;
  readonly what: 'kept' | 'saved' | 'refused' | 'unknown';
  /** Why it was refused. */
  readonly why?: string;
}

declare const tell: (told: Told) => Promise<void>; // of the test

const board = createSlice({
  name: 'board',
  initialState: {} as Record<string, Value>,
  reducers: {
    put: (state, { payload: [key, value] }: PayloadAction<[string, Value]>) => {
      state[key] = value;
    },
    remove: (state, { payload }: PayloadAction<string>) => {
      delete state[payload];
    },
  },
});

/** A Redux store with the slice, whose `change` ends as what it has sent does. */
function redux(baton: Baton) {
  let sent: Promise<void> | undefined;
  const store: Baton['store'] = (def) => {
    const one = baton.store(def);
    return {
      ...one,
      write: (write) => {
        sent = one.write(write);
        return sent;
      },
    };
  };
  const middleware = keepSlice({ ...baton, store }, tasks, (state: { board: Slice<Value> }) => state.board);
  const made = configureStore({
    reducer: { board: withStore(tasks.name, board.reducer) },
    middleware: (usual) => usual().concat(middleware),
  });
  const change = (what: 'task' | 'untask', key: string, n: number) => {
    sent = undefined;
    // Every third has a note, so that patches give and take it.
    const value = n % 3 === 0 ? { n, note: 'third' } : { n };
    made.dispatch(what === 'task' ? board.actions.put([key, value]) : board.actions.remove(key));
    return sent ?? Promise.resolve();
  };
  return { change, state: () => made.getState().board };
}

function refusal({ code, detail }: Refused): Pick<Told, 'what' | 'why'> {
  return { what: code === 'unknown' ? 'unknown' : 'refused', why: `${code}: ${detail}` };
}

function play() {
  // A page may know who is signed in, or not before the hub says so.
  const who = Math.random() < 0.5 ? {} : { who: { user: 'alice', space: 'demo' } };
  const kept = persist(who);
  let sockets = 0;
  const open = (url: string, protocol: string) => {
    const made = new WebSocket(url, protocol);
    sockets++;
    made.addEventListener('close', () => sockets--);
    return made;
  };
  const baton = connect({ ...withTabs({ open }), add: kept.add });
  join(baton);
  const slice = redux(baton);
  const refused = new Set<string>(); // of pages that are gone: the operations
  kept.refused.subscribe(() => {
    for (const { op, change, refused: why } of kept.refused.get()) {
      const [, n] = /"n":(\d+)/.exec(JSON.stringify(change)) ?? [];
      if (refused.has(op) || n === undefined) continue;
      refused.add(op);
      void tell({ n: Number(n), ...refusal(why) });
    }
  });
  return {
    ask(n: number, what: Move, key: string): void {
      const made =
        what === 'task' || what === 'untask' ? slice.change(what, key, n) : make(baton, what, key, n);
      made.then(
        () => tell({ n, what: 'saved' }),
        (err: unknown) => {
          if (!(err instanceof BatonError)) throw err;
          return tell({ n, ...refusal(err) });
        },
      );
      setTimeout(async () => {
        const { changes } = await database();
        if (changes.some(({ user, body }) => user !== '' && new RegExp(`"n":${n}[,}]`).test(body)))
          await tell({ n, what: 'kept' });
      }, 0);
    },
    ready: () => ready(baton),
    sight: (): Sight => ({ ...sight(baton), tasks: slice.state() }),
    /** What is left to be done: sockets, changes that wait here, and those in the browser. */
    left: async () => ({
      status: baton.status.get(),
      sockets,
      waiting: kept.waiting.get(),
      kept: (await database()).changes.length,
    }),
  };
}

export type Game = ReturnType<typeof play>;
if (location.pathname === '/healthz') Object.assign(globalThis, { game: play() });
