import type { CommandDef, LogDef, StoreDef } from './api.js';

/** Declares a store and the type of its values. `live`: the last values only, written by services. */
export function defineStore<T>(options: { readonly name: string; readonly live?: boolean }): StoreDef<T> {
  return { kind: 'store', name: options.name, live: options.live ?? false };
}

/** Declares a log and the type of its messages. */
export function defineLog<T>(options: { readonly name: string }): LogDef<T> {
  return { kind: 'log', name: options.name };
}

/** Declares a command, the type of its arguments and of its result. */
export function defineCommand<Args = void, Result = void>(options: {
  readonly name: string;
}): CommandDef<Args, Result> {
  return { kind: 'command', name: options.name };
}
