/** What is played in cuts.test.ts, by programs and by tabs: channels of every kind, and changes of every kind to them. */

import { type Baton, defineLog, defineStore } from '@baton/client';
import { change } from '@baton/client/conflict';

export interface Value {
  readonly n: number;
  readonly note?: string;
}

/** The kinds of changes. `hit` counts one up, whatever the count is by then; `wrong` the hub refuses. */
export type Move =
  | 'set'
  | 'patch'
  | 'delete'
  | 'append'
  | 'own'
  | 'all'
  | 'wrong'
  | 'hit'
  | 'task'
  | 'untask';

/** What somebody has of everything. */
export interface Sight {
  readonly plans: Readonly<Record<string, unknown>>;
  readonly own: Readonly<Record<string, unknown>>;
  readonly tasks: Readonly<Record<string, unknown>>;
  readonly hits: number;
  readonly diary: readonly unknown[];
}

export const plans = defineStore<Value>({ name: 'plans' });
const own = defineStore<Value>({ name: 'ui' });
/** Tabs keep it as a slice of a Redux store. */
export const tasks = defineStore<Value>({ name: 'tasks' });
const hits = defineStore<number>({ name: 'hits' });
const diary = defineLog<Value>({ name: 'diary' });
export const channels = [plans, own, tasks, hits, diary].map(({ name }) => name);

export const keys = ['a', 'b', 'c'];
const often = ['set', 'set', 'patch', 'delete', 'append', 'own', 'all', 'wrong', 'hit', 'hit'] as const;
export const moves: readonly Move[] = [...often, 'task', 'task', 'untask'];

/** Where all of it happens. */
export const site = `version: 1
title: Lab
spaces:
  demo:
    title: Demo
    login: {other_user: observe, same_user: join}
    channels:
      plans:
        kind: store
        write: [member]
        schema: {type: object, properties: {note: {type: string, maxLength: 10}}}
      ui: {kind: store, scope: user, write: [owner]}
      tasks: {kind: store, write: [member]}
      hits: {kind: store, write: [member], default: {count: 0}}
      diary: {kind: log, write: [member], keep: 5000}
authenticators:
  - {kind: dev}
`;

export function join(baton: Baton): void {
  for (const store of [plans, own, tasks, hits]) baton.store<unknown>(store).subscribe(() => {});
  baton.log(diary).subscribe(() => {});
}

export function ready({ status, store, log }: Baton): boolean {
  return status.get() === 'live' && store(hits).get().ready && log(diary).get().ready;
}

export function sight({ store, log }: Baton): Sight {
  const of = (def: typeof plans) => Object.fromEntries(store(def).get().values);
  const messages = log(diary).get().messages;
  return {
    plans: of(plans),
    own: of(own),
    tasks: of(tasks),
    hits: store(hits).get().values.get('count') ?? 0,
    diary: messages.map(({ data }) => data),
  };
}

/** Makes a change; it ends when the hub has answered. */
export function make({ store, log, transact }: Baton, what: Move, key: string, n: number): Promise<unknown> {
  const value = { n };
  switch (what) {
    case 'set':
      return store(plans).set(key, value);
    case 'patch':
      return store(plans).patch(key, value);
    case 'delete':
      return store(plans).delete(key);
    case 'append':
      return log(diary).append(value);
    case 'own':
      return store(own).set(key, value);
    case 'wrong':
      return store(plans).set(key, { ...value, note: 'longer than allowed' });
    case 'task':
      return store(tasks).set(key, value);
    case 'untask':
      return store(tasks).delete(key);
    case 'all':
      return transact((t) => {
        t.write(plans, { set: { [key]: value } });
        t.write(own, { set: { [key]: value } });
        t.append(diary, value);
      });
    case 'hit': {
      const count = store(hits).get().values.get('count') ?? 0;
      return change(store(hits), 'count', count + 1, { onConflict: (_, __, theirs = 0) => theirs + 1 });
    }
  }
}
