/** A scenario: people at computers, with browsers, before hubs. Each is run on every layout. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, type Cookie, chromium, type Page, type WebSocketRoute } from 'playwright-core';
import { inject, test } from 'vitest';
import { launch, newContext } from './browser.ts';
import { behindNginx, type Hub, Installation, type Layout, layouts } from './installation.ts';
import { thawAll } from './renderer.ts';
import { Tab } from './tab.ts';
import { patience, testTimeout } from './waiting.ts';

const viewport = { width: 1440, height: 900 };

/** A browser on a computer of its own: its tabs share cookies, other computers have others. */
export class Computer {
  readonly #context: BrowserContext;

  constructor(context: BrowserContext) {
    context.setDefaultTimeout(patience);
    this.#context = context;
  }

  /** Opens a tab on a hub, in a window of its own: of those in one window, only the one in front is drawn. */
  async open(hub: Hub, path = ''): Promise<Tab> {
    const [other] = this.#context.pages();
    const [page] = await Promise.all([
      this.#context.waitForEvent('page'),
      other === undefined
        ? this.#context.newPage()
        : other.evaluate(() => void open('about:blank', '_blank', 'popup,noopener,width=1440,height=900')),
    ]);
    const tab = new Tab(page, hub);
    await page.goto(`${hub.url}${path}`);
    return tab;
  }

  /** Opens a tab behind or before the others, in their window: it costs little, and nothing in it can be pressed but by a script. */
  async openBeside(hub: Hub): Promise<Tab> {
    const tab = new Tab(await this.#context.newPage(), hub);
    await tab.page.goto(hub.url);
    return tab;
  }

  /** Serves the files of a folder under a path of the hubs, in this browser. */
  async serve(path: string, folder: URL): Promise<void> {
    await this.#context.route(`**${path}*`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(path.length);
      return route.fulfill({ path: fileURLToPath(new URL(name, folder)) });
    });
  }

  /** Puts a switch into the WebSockets of all tabs that are opened from now on. */
  async line(): Promise<Line> {
    const line = new Line();
    await this.#context.routeWebSocket('**/api/v1/ws*', (tab) => line.add(tab));
    return line;
  }

  /** Takes the computer off the network. The sockets that are open are its line's to cut. */
  async offline(off: boolean): Promise<void> {
    await this.#context.setOffline(off);
  }

  /** From now on a tab has a slow network: so many milliseconds to the hub and back. */
  async slow(tab: Tab, ms: number): Promise<void> {
    const session = await this.#context.newCDPSession(tab.page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: ms,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  }

  /** Closes the browser. */
  async close(): Promise<void> {
    await this.#context.close();
  }

  cookies(): Promise<Cookie[]> {
    return this.#context.cookies();
  }

  /** Puts them back, as somebody would who has kept them. */
  async setCookies(cookies: readonly Cookie[]): Promise<void> {
    await this.#context.addCookies([...cookies]);
  }

  /** The tabs that are open. */
  pages(): Page[] {
    return this.#context.pages();
  }
}

/** A line between tabs and hubs that can be cut, or held: what is said meanwhile arrives later, in order, both ways. */
export class Line {
  /** How many sockets were opened over it. */
  opened = 0;
  #held: (() => void)[] | undefined;
  #state: 'whole' | 'cut' = 'whole';
  readonly #open = new Set<WebSocketRoute>();
  #newest: WebSocketRoute | undefined;
  #refusal: { readonly of: string; readonly code: string; readonly detail: string } | undefined;

  add(tab: WebSocketRoute): void {
    if (this.#state === 'cut') {
      void tab.close();
      return;
    }
    this.opened++;
    this.#newest = tab;
    this.#open.add(tab);
    const hub = tab.connectToServer();
    tab.onMessage((message) => {
      if (!this.#refuses(tab, message)) this.#pass(() => hub.send(message));
    });
    hub.onMessage((message) => this.#pass(() => tab.send(message)));
  }

  /** Says something to the tab that was opened last, as the hub would. */
  say(frame: object): void {
    this.#newest?.send(JSON.stringify([frame]));
  }

  /** Refuses the next request that has that text in it, in place of the hub. */
  refuseNext(of: string, code: string, detail: string): void {
    this.#refusal = { of, code, detail };
  }

  /** Nothing goes over it any more, and no socket can be opened, until it is mended. */
  async cut(): Promise<void> {
    this.#state = 'cut';
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map((tab) => tab.close().catch(() => {})));
  }

  mend(): void {
    this.#state = 'whole';
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
  }

  #refuses(tab: WebSocketRoute, message: string | Buffer): boolean {
    if (this.#refusal === undefined || !String(message).includes(this.#refusal.of)) return false;
    const [{ id }] = JSON.parse(String(message)) as [{ id: number }];
    const { code, detail } = this.#refusal;
    this.#refusal = undefined;
    tab.send(JSON.stringify([{ type: 'error', id, code, detail }]));
    return true;
  }

  #pass(send: () => void): void {
    if (this.#held === undefined) send();
    else this.#held.push(send);
  }
}

/** Puts a picture of a page into artefacts/. */
export async function picture(page: Page, name: string): Promise<void> {
  const file = `../artefacts/${name.replace(/[^a-z0-9]+/gi, '-')}.png`;
  await page.screenshot({ path: fileURLToPath(new URL(file, import.meta.url)), timeout: patience });
}

/** What a scenario has: running hubs, and as many computers as it wants. */
export class Stage {
  readonly title: string;
  readonly installation: Installation;
  readonly #computers: Computer[] = [];
  readonly #dirs: string[] = [];

  constructor(title: string, installation: Installation) {
    this.title = title;
    this.installation = installation;
  }

  /** The hub that the nth tab is on: no two tabs in a row are on the same, where there are two. */
  hub(n: number): Hub {
    return this.installation.hubs[n % 2 === 0 ? 0 : 1];
  }

  /** `bare`: with a browser that keeps nothing and whose tabs know nothing of each other, as in some private modes. */
  async computer({ bare = false } = {}): Promise<Computer> {
    const context = await newContext({ viewport });
    if (bare) await context.addInitScript(lose);
    return this.#add(context);
  }

  /** A folder for a profile, to be opened with `profile`, closed, and opened again. */
  async folder(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'baton-profile-'));
    this.#dirs.push(dir);
    return dir;
  }

  /** `keepsPages`: as browsers do, it keeps pages that are left, to be come back to; for tests that is off as a rule. */
  async profile(dir: string, { keepsPages = false } = {}): Promise<Computer> {
    const kept = keepsPages && { ignoreDefaultArgs: ['--disable-back-forward-cache'] };
    return this.#add(await chromium.launchPersistentContext(dir, { ...launch, ...kept, viewport }));
  }

  async #add(context: BrowserContext): Promise<Computer> {
    await context.addInitScript({ content: inject('probe') });
    const computer = new Computer(context);
    this.#computers.push(computer);
    return computer;
  }

  /** Tells all there is to know of a failure. */
  async report(): Promise<void> {
    thawAll(); // to have their picture taken
    const pages = this.#computers.flatMap((computer) => computer.pages());
    for (const [i, page] of pages.entries()) {
      await picture(page, `failed ${this.title} ${i + 1}`).catch(() => {});
    }
    console.error(`the last words of the servers of "${this.title}":\n${this.installation.log()}`);
  }

  async end(): Promise<void> {
    thawAll();
    // A server that was stopped would keep a page that closes waiting.
    await this.installation.end();
    for (const computer of this.#computers) await computer.close().catch(() => {});
    for (const dir of this.#dirs) await rm(dir, { recursive: true, force: true });
  }
}

/** Takes from a page what not every browser has. */
function lose(): void {
  for (const name of ['indexedDB', 'BroadcastChannel', 'caches'])
    Object.defineProperty(globalThis, name, { value: undefined });
  for (const name of ['locks', 'serviceWorker'])
    Object.defineProperty(Navigator.prototype, name, { value: undefined });
}

/** Longer than any scenario takes; before the runner's own limit, which would leave no time to report. */
const longest = testTimeout - 10_000;

async function inTime(played: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${longest / 1000} s`)), longest);
  });
  try {
    await Promise.race([played, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Setting {
  /** The text of a site file; default: the one that is built in. */
  readonly site?: string;
  /** What it is run on; default: what is usual. */
  readonly on?: readonly Layout[];
}

/** BATON_LAYOUTS=all adds the cluster, which takes long to start, to every scenario that does not say otherwise. */
const all = process.env.BATON_LAYOUTS === 'all';
const usual: readonly Layout[] = all ? [...layouts, behindNginx] : layouts;
/** For what is about the page more than about the hubs: one hub, and every layout only with BATON_LAYOUTS=all. */
export const oneOrAll: readonly Layout[] = all ? usual : ['one hub'];
/** The same where a hub is stopped or killed, which within the cluster cannot be done from here. */
export const oneOrBoth: readonly Layout[] = all ? layouts : ['one hub'];
/** What `make test` has no time for, as another test says nearly the same. */
export const onlyAll: readonly Layout[] = all ? layouts : [];

/** A test that is run on each layout. */
export function scenario(title: string, play: (stage: Stage) => Promise<void>, setting: Setting = {}): void {
  const { site, on = usual } = setting;
  for (const layout of on) {
    const name = `${title} (${layout})`;
    test(name, async () => {
      const stage = new Stage(name, await Installation.start(layout, site));
      try {
        await inTime(play(stage));
      } catch (err) {
        await stage.report();
        throw err;
      } finally {
        await stage.end();
      }
    });
  }
}
