import type { Baton } from './api.js';

export interface ConnectOptions {
  /** Where the hub is; default: where the page came from. */
  readonly url?: string;
}

export declare function connect(options?: ConnectOptions): Baton;
