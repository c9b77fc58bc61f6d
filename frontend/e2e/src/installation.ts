/** What the hub runs on: everything in one process, two hubs on a NATS and a Redis, or a cluster. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, Process } from './process.ts';
import { until } from './waiting.ts';

const bin = (name: string) => fileURLToPath(new URL(`../../../bin/${name}`, import.meta.url));

/** What every scenario is played on, if it does not say otherwise. */
export const layouts = ['one hub', 'two hubs on NATS and Redis'] as const;
/** The second hub is the next version of Baton, as tools/next makes it. */
export const skewed = 'a hub of this version and one of the next';
/** A cluster as tools/cluster runs it. Each tab goes through nginx, whoever takes it; no part of it is broken. */
export const behindNginx = 'three hubs behind nginx';
export type Layout = (typeof layouts)[number] | typeof skewed | typeof behindNginx;

/** A hub that can be killed and started again on the same address and data. */
export class Hub {
  readonly url: string;
  readonly process: Process;

  constructor(url: string, process: Process) {
    this.url = url;
    this.process = process;
  }

  static on(name: string, port: number, args: readonly string[], program = 'baton'): Hub {
    const listen = `127.0.0.1:${port}`;
    const command = [bin(program), 'serve', '--dev', '--listen', listen, '--admin', '', ...args];
    return new Hub(`http://${listen}`, new Process(name, ...command));
  }

  start(): Promise<void> {
    return this.process.start(async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  /** Stops it: what it is sent is answered when it goes on. On a busy machine it runs on for a moment. */
  async standStill(): Promise<void> {
    this.process.signal('SIGSTOP');
    const silent = () =>
      fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(300) }).then(
        () => false,
        () => true,
      );
    await until(`${this.process.name} to stand still`, silent);
  }

  goOn(): void {
    this.process.signal('SIGCONT');
  }
}

export class Installation {
  readonly layout: Layout;
  /** With one hub, both are the same. The first runs the demo beamline. */
  readonly hubs: readonly [Hub, Hub];
  /** Only with two hubs. */
  readonly nats: Server | undefined;
  readonly #redis: Server | undefined;
  readonly #dir: string;

  private constructor(dir: string, layout: Layout, hubs: [Hub, Hub], nats?: Server, redis?: Server) {
    this.#dir = dir;
    this.layout = layout;
    this.hubs = hubs;
    this.nats = nats;
    this.#redis = redis;
  }

  /** Starts everything on new data. `site` is the text of a site file; without it, the one built in for --dev. */
  static async start(layout: Layout, site?: string): Promise<Installation> {
    const dir = await mkdtemp(join(tmpdir(), 'baton-e2e-'));
    const config: string[] = [];
    if (site !== undefined) {
      config.push('--config', join(dir, 'site.yaml'));
      await writeFile(join(dir, 'site.yaml'), site);
    }
    const made = await Installation.#made(dir, config, layout);
    try {
      await Promise.all([made.nats?.start(), made.#redis?.start()]);
      for (const hub of new Set(made.hubs)) await hub.start();
    } catch (err) {
      await made.end();
      throw err;
    }
    return made;
  }

  static #made(dir: string, config: readonly string[], layout: Layout): Promise<Installation> {
    if (layout === 'one hub') return Installation.#one(dir, config);
    if (layout === behindNginx) return Installation.#three(dir, config);
    return Installation.#two(dir, config, layout);
  }

  static async #three(dir: string, config: readonly string[]): Promise<Installation> {
    const listen = `127.0.0.1:${await freePort()}`;
    const deploy = fileURLToPath(new URL('../../../deploy', import.meta.url));
    const where = ['-listen', listen, '-dir', join(dir, 'data'), '-bin', bin(''), '-deploy', deploy];
    const process = new Process('cluster', bin('cluster'), '-rough', ...where, ...config);
    process.ends = 'SIGTERM'; // it has to end others
    const site = new Hub(`http://${listen}`, process);
    return new Installation(dir, behindNginx, [site, site]);
  }

  static async #one(dir: string, config: readonly string[]): Promise<Installation> {
    const hub = Hub.on('hub', await freePort(), ['--data', join(dir, 'data'), ...config]);
    return new Installation(dir, 'one hub', [hub, hub]);
  }

  static async #two(dir: string, config: readonly string[], layout: Layout): Promise<Installation> {
    const nats = new Server('nats', await freePort());
    const file = join(dir, 'nats.conf');
    // As for the embedded server: what is acknowledged is on the disk.
    await writeFile(
      file,
      `listen: 127.0.0.1:${nats.port}\nmax_payload: 8MB\njetstream {store_dir: ${JSON.stringify(join(dir, 'nats'))}, sync_interval: always}\n`,
    );
    nats.command(bin('nats-server'), '-c', file);
    const redis = new Server('redis', await freePort());
    redis.command(
      'redis-server',
      '--bind',
      '127.0.0.1',
      '--port',
      `${redis.port}`,
      '--save',
      '',
      '--dir',
      dir,
    );
    const shared = [
      `--nats=nats://127.0.0.1:${nats.port}`,
      `--redis=redis://127.0.0.1:${redis.port}`,
      ...config,
    ];
    const first = Hub.on('first hub', await freePort(), shared);
    const program = layout === skewed ? 'baton-next' : 'baton';
    const second = Hub.on('second hub', await freePort(), ['--demo=false', ...shared], program);
    return new Installation(dir, layout, [first, second], nats, redis);
  }

  log(): string {
    return [...this.#processes()].map((one) => one.log()).join('\n');
  }

  async end(): Promise<void> {
    for (const one of this.#processes()) await one.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }

  *#processes(): Iterable<Process> {
    for (const hub of new Set(this.hubs)) yield hub.process;
    for (const server of [this.#redis, this.nats]) if (server?.process) yield server.process;
  }
}

/** A server that is ready when it takes connections. */
class Server {
  readonly name: string;
  readonly port: number;
  process: Process | undefined;

  constructor(name: string, port: number) {
    this.name = name;
    this.port = port;
  }

  command(...command: string[]): void {
    this.process = new Process(this.name, ...command);
  }

  async start(): Promise<void> {
    await this.process?.start(async () => {
      const socket = connect(this.port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        return true;
      } finally {
        socket.destroy();
      }
    });
  }

  async kill(): Promise<void> {
    await this.process?.kill();
  }
}
