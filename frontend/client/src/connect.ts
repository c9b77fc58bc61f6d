import type {
  ArgsOf,
  Baton,
  ChannelDef,
  CommandDef,
  Control,
  Log,
  LogDef,
  Signal,
  SignalDef,
  Store,
  StoreDef,
  StoreWrite,
  WriteOptions,
} from './api.js';
import { Change, cancel, patience, quiet } from './change.js';
import { Connection } from './connection.js';
import type { RequestBody } from './frames.js';
import { whoAmI } from './http.js';
import { type OpenSocket, platformSocket } from './link.js';
import { LogState } from './log.js';
import { SignalState } from './signal.js';
import { StoreState } from './store.js';

export interface ConnectOptions {
  /** Where the hub is, such as https://baton.example.org; default: where the page came from. */
  readonly url?: string;
  /**
   * The name of this page load for the hub, 4-40 of [A-Za-z0-9_-]; default: random. Two pages must never share one, not
   * even one after the other: it is half of every operation's id.
   */
  readonly client?: string;
  /** What sees to the connection from its beginning, such as `persist` of @baton/client/persist. */
  readonly add?: (connection: Connection) => void;
  /** How sockets are opened; default: the platform's WebSocket. */
  readonly open?: OpenSocket;
  /** Whether somebody is still signed in, asked when no connection can be made; default: by the cookie. */
  readonly signedIn?: () => Promise<boolean>;
}

/**
 * Connects to the hub with the cookie of the sign-in, and stays connected until `close`, or until the sign-in ends.
 * Where a page is rendered on a server, which has no address of its own or no sockets, it stays at `connecting`, without timers.
 */
export function connect(options: ConnectOptions = {}): Baton {
  const url = options.url ?? globalThis.location?.origin ?? '';
  const connection = new Connection({
    url,
    client: options.client ?? randomId(),
    open: options.open ?? platformSocket(url),
    signedIn:
      options.signedIn ??
      (() =>
        whoAmI({ url }).then(
          (who) => who !== null,
          () => true, // nobody says no
        )),
  });
  options.add?.(connection);
  const made = new Map<string, unknown>();
  // The one place where the type of a definition is taken for that of the data.
  const once = <T>({ kind, name }: ChannelDef, make: () => unknown): T => {
    const it = made.get(kind + name) ?? make();
    made.set(kind + name, it);
    return it as T;
  };
  const { status, ending, welcome, you, presence, idle, calls } = connection;
  return {
    ...{ status, ending, welcome, you, presence, idle, calls: calls.all },
    control: control(connection),
    store: (def) => once(def, () => store(connection, def)),
    log: (def) => once(def, () => log(connection, def)),
    signal: (def) => once(def, () => signal(connection, def)),
    call: async <Args, Result>(def: CommandDef<Args, Result>, ...args: ArgsOf<Args>) => {
      const made = new Change(connection);
      const called = made.call(def, ...args);
      made.send();
      return called;
    },
    cancel: (call) => cancel(connection, call),
    transact: (fill) => change(connection, fill),
    close: () => connection.close(),
  };
}

/** Sends a change. Nobody has to wait for it: the views tell how it ended. */
function change(connection: Connection, fill: (change: Change) => void): Promise<void> {
  const made = new Change(connection);
  fill(made);
  return quiet(made.send().then(() => {}));
}

function store(connection: Connection, def: StoreDef<unknown>): Store<unknown> {
  const { state, source } = connection.channels.open(def, StoreState);
  const write = (one: StoreWrite<unknown>) => change(connection, (made) => made.write(def, one));
  const only = (key: string, options?: WriteOptions) =>
    options?.if !== undefined && { if: { [key]: options.if } };
  return {
    ...source,
    write,
    set: (key, value, options) => write({ set: { [key]: value }, ...only(key, options) }),
    patch: (key, patch, options) => write({ patch: { [key]: patch }, ...only(key, options) }),
    delete: (key, options) => write({ delete: [key], ...only(key, options) }),
    dismiss: (key) => {
      state.dismiss(key);
      source.changed();
    },
  };
}

function log(connection: Connection, def: LogDef<unknown>): Log<unknown> {
  return {
    ...connection.channels.open(def, LogState).source,
    append: async (data) => {
      await change(connection, (made) => made.append(def, data)); // who does not wait hears of a refusal
    },
  };
}

function signal(connection: Connection, def: SignalDef<unknown>): Signal<unknown> {
  const channel = connection.channels.open(def, SignalState);
  return {
    ...channel.source,
    send: (data) => channel.state.send(() => connection.channels.send(channel, data)),
  };
}

function control(connection: Connection): Control {
  // JSON leaves out what is undefined.
  const move = async (how: string, more?: object): Promise<void> => {
    const body = { type: 'control', do: how, ...more } as RequestBody;
    await connection.request(body, { lanes: ['~control'], kind: 'change', patience });
  };
  return {
    ...connection.control,
    request: (message) => move('request', { message }),
    cancel: () => move('cancel'),
    grant: (request) => move('grant', { request }),
    deny: (request, reason) => move('deny', { request, reason }),
    give: (session) => move('give', { session }),
    release: () => move('release'),
    take: (options) => move('take', options),
  };
}

/** 100 random bits. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (byte) => (byte & 31).toString(32)).join('');
}
