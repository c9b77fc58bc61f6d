/** The client by itself, for what the app does not show: patches, transactions, signals, and calls that are given up. */

import {
  type Baton,
  BatonError,
  connect,
  defineCommand,
  defineLog,
  defineSignal,
  defineStore,
  type Transaction,
} from '@baton/client';

export interface Plan {
  readonly images: number;
  readonly note?: string;
  readonly detector?: { readonly distance?: number; readonly gain?: number };
}

export const plans = defineStore<Plan>({ name: 'plans' });
export const diary = defineLog<string>({ name: 'diary', last: 2 });
export const pointers = defineSignal<{ readonly x: number }>({ name: 'pointers', life: 1_000 });
const motors = defineStore<{ readonly state: string }>({ name: 'motors', live: true });
const move = defineCommand<{ motor: string; position: number }, unknown>({ name: 'motor.move' });

/** How something ended that the hub decides. */
export type Outcome = 'saved' | { readonly code: string; readonly more: Readonly<Record<string, unknown>> };

/** Plans and diary as they were shown, after every message of the hub: "plan p1's images / entries in the diary". */
const shown: string[] = [];
let baton: Baton | undefined;

/** The connection, with everything joined. */
function open(): Baton {
  if (baton) return baton;
  baton = connect();
  const note = () => {
    const images = open().store(plans).get().values.get('p1')?.images;
    const now = `${images} / ${open().log(diary).get().messages.length}`;
    if (shown.at(-1) !== now) shown.push(now);
  };
  baton.store(plans).subscribe(note);
  baton.log(diary).subscribe(note);
  baton.signal(pointers).subscribe(() => {});
  baton.store(motors).subscribe(() => {});
  return baton;
}

function ready(): boolean {
  const { status, store, log, signal } = open();
  return status.get() === 'live' && [store(plans), log(diary), signal(pointers)].every((r) => r.get().ready);
}

const outcome = (done: Promise<unknown>): Promise<Outcome> =>
  done.then(
    () => 'saved',
    (err: unknown) => {
      if (err instanceof BatonError) return { code: err.code, more: err.more };
      throw err;
    },
  );

/** Changes a plan and says so in the diary, in one. */
function both(images: number): Promise<Outcome> {
  const fill = (t: Transaction) => {
    t.write(plans, { patch: { p1: { images } } });
    t.append(diary, `${images} images`);
  };
  return outcome(open().transact(fill));
}

/** Begins to move omega, gives that up when the motor moves, and tells how it ended. */
async function giveUp(position: number): Promise<string> {
  const call = await open().call(move, { motor: 'omega', position });
  await new Promise<void>((moving) => {
    const look = () => call.get().state === 'taken' && moving();
    call.subscribe(look);
    look();
  });
  await call.cancel();
  return call.finished().then(
    () => 'done',
    (err: unknown) => (err instanceof BatonError ? err.code : String(err)),
  );
}

export const lab = {
  ready,
  shown,
  plan: (key: string) => open().store(plans).get().values.get(key),
  position: (key: string) => open().store(plans).get().keys.get(key)?.position,
  patch: (key: string, patch: Partial<Plan>) => outcome(open().store(plans).patch(key, patch)),
  refused: (key: string) => open().store(plans).get().keys.get(key)?.refused,
  both,
  diary: () =>
    open()
      .log(diary)
      .get()
      .messages.map((m) => m.data),
  point: (x: number) => open().signal(pointers).send({ x }),
  pointers: () => [...open().signal(pointers).get().latest.values()].map(({ by, data }) => `${by} ${data.x}`),
  giveUp,
  omega: () => open().store(motors).get().values.get('omega')?.state,
  version: () => open().welcome.get()?.version,
};
