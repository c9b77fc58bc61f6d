import type { CommandDef, LogDef, SignalDef, StoreDef } from './api.js';

/** Declares a store and the type of its values. `live`: what it holds is never shown from what a browser has kept. */
export function defineStore<T>(options: { readonly name: string; readonly live?: boolean }): StoreDef<T> {
  return { kind: 'store', live: false, ...options };
}

/** Declares a log and the type of its messages. `last`: how much history is wanted; default: all that is kept. */
export function defineLog<T>(options: { readonly name: string; readonly last?: number }): LogDef<T> {
  return { kind: 'log', ...options };
}

/**
 * Declares a signal and the type of what is sent over it. `life`: for how many milliseconds the latest of somebody who
 * sends no more is shown; default 5,000.
 */
export function defineSignal<T>(options: { readonly name: string; readonly life?: number }): SignalDef<T> {
  return { kind: 'signal', life: 5_000, ...options };
}

/**
 * Declares a command, the type of its arguments and of its result. `deadline`: how long a call may take as a whole, in
 * milliseconds, if that is less than the space's rules say; then it has failed, and its service is told to stop.
 */
export function defineCommand<Args = void, Result = void>(options: {
  readonly name: string;
  readonly deadline?: number;
}): CommandDef<Args, Result> {
  return { kind: 'command', ...options };
}
