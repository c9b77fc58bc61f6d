import type {
  ArgsOf,
  Baton,
  Call,
  CallView,
  CommandDef,
  Control,
  Log,
  LogDef,
  Store,
  StoreDef,
  StoreWrite,
} from './api.js';
import type { StoreChannel } from './channel.js';
import { Connection, type Plan } from './connection.js';
import { BatonError } from './error.js';
import type { RequestBody } from './frames.js';
import { whoAmI } from './http.js';
import type { OpenSocket } from './link.js';
import type { Source } from './source.js';

export interface ConnectOptions {
  /** Where the hub is, such as https://baton.example.org; default: where the page came from. */
  readonly url?: string;
  /**
   * The name of this page load for the hub, 4-40 of [A-Za-z0-9_-]; default: random. Two pages must never share one, not
   * even one after the other: it is half of every operation's id.
   */
  readonly client?: string;
  /** How sockets are opened; default: the platform's WebSocket. */
  readonly open?: OpenSocket;
}

/** How long a call or a control move is tried: one that comes late may not be wanted any more. */
const patience = 20_000;
/** A stop that did not get through soon must be known to have failed: there are other ways to stop. */
const stopPatience = 5_000;

/**
 * Connects to the hub with the cookie of the sign-in, and stays connected until `close`, or until the sign-in ends.
 * Where there are no sockets (a page rendered on a server) it stays at `connecting`, without timers.
 */
export function connect(options: ConnectOptions = {}): Baton {
  const url = options.url ?? globalThis.location?.origin ?? '';
  const platform = globalThis.WebSocket && ((u: string, protocol: string) => new WebSocket(u, protocol));
  const connection = new Connection({
    url,
    client: options.client ?? randomId(),
    open: options.open ?? platform,
    signedIn: () =>
      whoAmI({ url }).then(
        (who) => who !== null,
        () => true, // nobody says no
      ),
  });
  const stores = new Map<string, Store<unknown>>();
  const logs = new Map<string, Log<unknown>>();
  return {
    status: view(connection.status),
    ending: view(connection.ending),
    welcome: view(connection.welcome),
    you: view(connection.you),
    presence: view(connection.presence),
    calls: view(connection.calls.all),
    control: control(connection),
    // The one place where the type of a definition is taken for that of the data.
    store: <T>(def: StoreDef<T>) => once(stores, def.name, () => store(connection, def)) as Store<T>,
    log: <T>(def: LogDef<T>) => once(logs, def.name, () => log(connection, def)) as Log<T>,
    call: async <Args, Result>(def: CommandDef<Args, Result>, ...[args]: ArgsOf<Args>) =>
      (await call(connection, def.name, args)) as Call<Result>,
    close: () => connection.close(),
  };
}

function view<T>({ get, subscribe }: Source<T>) {
  return { get, subscribe };
}

function once<T>(known: Map<string, T>, name: string, make: () => T): T {
  const made = known.get(name) ?? make();
  known.set(name, made);
  return made;
}

function store(connection: Connection, def: StoreDef<unknown>): Store<unknown> {
  const channel = connection.channels.store(def.name);
  const write = (change: StoreWrite<unknown>) => quiet(writeStore(connection, channel, change));
  return {
    ...view(channel.source),
    write,
    set: (key, value, options) =>
      write({ set: { [key]: value }, ...(options?.if !== undefined && { if: { [key]: options.if } }) }),
    delete: (key, options) =>
      write({ delete: [key], ...(options?.if !== undefined && { if: { [key]: options.if } }) }),
    dismiss: (key) => {
      channel.state.dismiss(key);
      channel.source.changed();
    },
  };
}

async function writeStore(
  connection: Connection,
  channel: StoreChannel,
  change: StoreWrite<unknown>,
): Promise<void> {
  const { name, state, source } = channel;
  const keys = [...Object.keys(change.set ?? {}), ...(change.delete ?? [])];
  const term = connection.term(connection.welcome.get()?.channels[name]?.write);
  await connection.request(
    { type: 'write', channel: name, ...change, ...term },
    {
      lanes: keys.map((key) => `${name}/${key}`),
      kind: 'change',
      patience: Infinity,
      made: (op, sent) => {
        if (sent.type === 'write') state.wish(op, sent.set ?? {}, sent.delete ?? []);
        source.changed();
      },
      done: (op) => {
        state.answered(op, channel.membership === 'asked' ? 'coming' : 'current');
        source.changed();
      },
      failed: (op, { code, detail }) => {
        state.refuse(op, { code, detail });
        source.changed();
      },
    },
  );
}

function log(connection: Connection, def: LogDef<unknown>): Log<unknown> {
  const { name } = def;
  return {
    ...view(connection.channels.log(name).source),
    append: async (data) => {
      const term = connection.term(connection.welcome.get()?.channels[name]?.write);
      const plan: Plan = { lanes: [name], kind: 'change', patience: Infinity };
      await connection.request({ type: 'append', channel: name, data, ...term }, plan);
    },
  };
}

/** Who does not wait for a write sees in the view how it ended: no unhandled rejection is made of it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function control(connection: Connection): Control {
  const move = async (body: Omit<Extract<RequestBody, { type: 'control' }>, 'type'>): Promise<void> => {
    await connection.request({ type: 'control', ...body }, { lanes: ['~control'], kind: 'change', patience });
  };
  return {
    ...view(connection.control),
    request: (message) => move({ do: 'request', ...(message && { message }) }),
    cancel: () => move({ do: 'cancel' }),
    grant: (request) => move({ do: 'grant', request }),
    deny: (request, reason) => move({ do: 'deny', request, ...(reason && { reason }) }),
    give: (session) => move({ do: 'give', session }),
    release: () => move({ do: 'release' }),
    take: (reason) => move({ do: 'take', ...(reason && { reason }) }),
  };
}

async function call(connection: Connection, command: string, args: unknown): Promise<Call<unknown>> {
  const rules = connection.welcome.get()?.commands[command];
  const term = rules?.stop ? {} : connection.term(rules?.call);
  const plan: Plan = rules?.stop
    ? { lanes: [], kind: 'stop', patience: stopPatience }
    : { lanes: ['~calls'], kind: 'call', patience };
  const by = connection.you.get()?.user ?? '';
  const answer = await connection.request(
    { type: 'call', command, ...(args !== undefined && { args }), ...term },
    plan,
  );
  if (answer.type !== 'called')
    throw new BatonError({ code: 'invalid', detail: 'The hub answered something else.' });
  // A stop does not wait for the log, so nothing more is heard of it: it was delivered, and that is all.
  const state: CallView['state'] = rules?.stop ? 'done' : 'waiting';
  return connection.calls.handle({ call: answer.call, command, args, by, term: term.term ?? 0, state });
}

function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(15));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
