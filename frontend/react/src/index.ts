export { type CommandRun, type CommandState, useCommand } from './command.js';
export { BatonProvider, useBaton } from './context.js';
export {
  useCalls,
  useControl,
  useEnding,
  useIdle,
  useLog,
  usePresence,
  useReadable,
  useSignal,
  useStatus,
  useStore,
  useValue,
  useWelcome,
  useYou,
} from './hooks.js';
