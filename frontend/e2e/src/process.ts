import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { patience } from './waiting.ts';

/** What runs now, so that nothing outlives the tests however they end. */
const running = new Set<Process>();
process.on('exit', () => {
  for (const one of running) one.signal(one.ends);
});

/** A server in a process of its own, with its last words for when a test fails. */
export class Process {
  readonly name: string;
  /** What ends it: as a power cut does, if it need not end others. */
  ends: 'SIGKILL' | 'SIGTERM' = 'SIGKILL';
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #words: string[] = [];

  constructor(name: string, ...command: string[]) {
    this.name = name;
    this.#command = command;
  }

  /** Starts it, and waits until it is ready. */
  async start(ready: () => Promise<boolean>): Promise<void> {
    const [file = '', ...args] = this.#command;
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(this);
    let failure: string | undefined;
    child.once('error', (err) => {
      failure = err.message;
    });
    child.once('exit', (code, signal) => {
      failure ??= `it ended with ${code ?? signal}`;
      this.#hear(`-- ended with ${code ?? signal}`);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    }
    for (const end = performance.now() + 2 * patience; performance.now() < end; ) {
      if (failure !== undefined) break;
      if (await ready().catch(() => false)) return;
      await new Promise((next) => setTimeout(next, 20));
    }
    throw new Error(`${this.name} did not get ready: ${failure ?? 'too late'}\n${this.log()}`);
  }

  /** Ends it, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    running.delete(this);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(this.ends);
    await gone;
  }

  /** SIGSTOP: it keeps its connections and answers nothing, until SIGCONT. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
    this.#child?.kill(signal);
  }

  log(): string {
    return this.#words.map((line) => `  ${this.name}: ${line}`).join('\n');
  }

  #hear(text: string): void {
    this.#words.push(...text.trimEnd().split('\n'));
    this.#words = this.#words.slice(-60);
  }
}

/** A port below those that the system gives to outgoing connections: it is still free after a restart. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]);
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
