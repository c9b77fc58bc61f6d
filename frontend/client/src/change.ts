/** Changes of this page, alone or several in one: what shows of them at once, and how they end. */

import type { ArgsOf, Call, CommandDef, LogDef, StoreDef, StoreWrite, Transaction } from './api.js';
import type { Channel } from './channel.js';
import type { Connection, Plan } from './connection.js';
import { refusal } from './error.js';
import type { AppendBody, CallBody, RequestBody, WriteBody } from './frames.js';
import { keysOf, StoreState } from './store.js';

/** How long a call or a control move is tried: one that comes late may not be wanted any more. */
export const patience = 20_000;
/** A stop that did not get through soon must be known to have failed: there are other ways to stop. */
const stopPatience = 5_000;

export class Change implements Transaction {
  #connection: Connection;
  #writes: WriteBody[] = [];
  #appends: AppendBody[] = [];
  #calls: CallBody[] = [];
  #stores: Channel<StoreState>[] = []; // of the writes
  #lanes: string[] = [];
  #rights: string[] = []; // that its parts need
  #begin: (sent: Promise<Call<unknown>[]>) => void = () => {};
  #sent = new Promise<Call<unknown>[]>((begin) => {
    this.#begin = begin;
  });

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  readonly write = <T>(def: StoreDef<T>, write: StoreWrite<T>): void => {
    const { name } = def;
    this.#stores.push(this.#connection.channels.open(def, StoreState));
    this.#writes.push({ channel: name, ...write });
    for (const key of keysOf(write)) this.#lanes.push(`${name}/${key}`);
    this.#need(name);
  };

  readonly append = <T>({ name }: LogDef<T>, data: T): void => {
    this.#appends.push({ channel: name, data });
    this.#lanes.push(name);
    this.#need(name);
  };

  readonly call = <Args, Result>(
    { name, deadline }: CommandDef<Args, Result>,
    ...[args]: ArgsOf<Args>
  ): Promise<Call<Result>> => {
    const n = this.#calls.length;
    this.#calls.push({ command: name, args, deadline_ms: deadline }); // JSON leaves out what is undefined
    this.#lanes.push('~calls');
    this.#rights.push(...(this.#rules()?.commands[name]?.call ?? []));
    return quiet(this.#sent.then((calls) => calls[n] as Call<Result>));
  };

  /** Sends it: what has one part as the plain request of its kind. Resolves with the calls that were made. */
  send(): Promise<Call<unknown>[]> {
    this.#begin(this.#send());
    return quiet(this.#sent);
  }

  async #send(): Promise<Call<unknown>[]> {
    const [writes, appends, calls] = [this.#writes, this.#appends, this.#calls];
    const parts = [...writes, ...appends, ...calls];
    const [call] = calls;
    const stop = parts.length === 1 && call && this.#rules()?.commands[call.command]?.stop;
    const term = stop ? {} : this.#connection.term(this.#rights);
    const type = call ? 'call' : appends.length > 0 ? 'append' : 'write';
    const body = parts.length === 1 ? { type, ...parts[0] } : { type: 'transact', writes, appends, calls };
    const answer = await this.#connection.request({ ...body, ...term } as RequestBody, {
      lanes: stop ? [] : this.#lanes,
      kind: stop ? 'stop' : call ? 'call' : 'change',
      patience: stop ? stopPatience : call ? patience : Infinity,
      ...shown(this.#stores, writes),
    });
    const by = this.#connection.you.get()?.user ?? '';
    // A stop does not wait for the log, so nothing more is heard of it: it was delivered, and that is all.
    const state = stop ? 'done' : 'waiting';
    const { call: one = [], calls: ids = [one].flat() } = answer;
    return ids.map((id, i) => {
      const { command = '', args } = calls[i] ?? {};
      const first = { call: id, command, args, by, term: term.term ?? 0, state } as const;
      return { ...this.#connection.calls.handle(first), cancel: () => cancel(this.#connection, id) };
    });
  }

  #rules() {
    return this.#connection.welcome.get();
  }

  /** The rights that a change of the channel needs. */
  #need(channel: string): void {
    this.#rights.push(...(this.#rules()?.channels[channel]?.write ?? []));
  }
}

/** What stores show of a change of them, by `writes`, while it is on its way, and when it has ended. */
export function shown(
  stores: readonly Channel<StoreState>[],
  writes: readonly WriteBody[],
): Pick<Plan, 'made' | 'done' | 'failed'> {
  const each = (tell: (channel: Channel<StoreState>, keys: readonly string[], i: number) => void) =>
    stores.forEach((channel, i) => {
      tell(channel, keysOf(writes[i] ?? {}), i);
      channel.source.changed();
    });
  return {
    made: (op, sent) =>
      each(({ state }, _, i) =>
        state.wish(op, ((sent as { writes?: WriteBody[] }).writes ?? [sent as WriteBody])[i] ?? {}),
      ),
    done: (op) => each(({ state, membership }, keys) => state.answered(op, keys, membership)),
    failed: (op, error) => each(({ state }, keys) => state.refuse(op, keys, refusal(error))),
  };
}

/** Asks for a call to be given up. */
export async function cancel(connection: Connection, call: string): Promise<void> {
  await connection.request({ type: 'cancel', call }, { lanes: [call], kind: 'change', patience });
}

/** Who does not wait for a change sees in the views how it ended: no unhandled rejection is made of it. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
