export type * from './api.js';
export { type ConnectOptions, connect } from './connect.js';
export { defineCommand, defineLog, defineSignal, defineStore } from './define.js';
export { BatonError, type BatonErrorInit, type Code, type CurrentValue } from './error.js';
export {
  type Credentials,
  type EndOptions,
  type HttpOptions,
  type SignedIn,
  type SpaceList,
  signIn,
  signOut,
  spaces,
  whoAmI,
} from './http.js';
export type { OpenSocket, Socket } from './link.js';
