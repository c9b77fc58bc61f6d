/**
 * Tabs of one browser that change everything there is in any order, over lines that break, while they are loaded again,
 * closed, killed and frozen; against a program of somebody else.
 */

import type { BrowserContext, Page as BrowserPage } from 'playwright-core';
import type { Game, Told } from '../page/game.ts';
import { newContext } from './browser.ts';
import { type Asked, type History, problems } from './history.ts';
import { channels, keys, type Move, moves, ready, sight } from './moves.ts';
import { Page, type Play, pick } from './pages.ts';
import { signedIn, withCookie } from './program.ts';
import { Renderer } from './renderer.ts';
import { script } from './script.ts';
import { ending, until } from './waiting.ts';
import { Watcher } from './watcher.ts';

declare const game: Game; // in the page

const tabCount = 3;

/** A change that a tab was asked to make, and what is known of it. */
interface Noted extends Asked {
  /** Its page is there no more. */
  gone: boolean;
  /** It was in the browser's database. */
  kept: boolean;
  /** Why it was refused; or that its page has left it, for others to do. */
  why?: string | undefined;
}

class Tab {
  readonly page: BrowserPage;
  readonly name: string;
  state: 'open' | 'busy' = 'open';
  #loads = 0;

  constructor(page: BrowserPage, name: string) {
    this.page = page;
    this.name = name;
  }

  /** Which of its pages it has now. */
  get present(): string {
    return `${this.name}.${this.#loads}`;
  }

  /** Loads it, as often as it takes: the line to it breaks too. */
  async load(url: string): Promise<void> {
    this.#loads++;
    await until('the page to come', () => this.page.goto(`${url}/healthz`, { timeout: 5_000 }));
  }
}

export interface BrowserPlay extends Play {
  /** What a tab is given instead of the game: to see that what is wrong with it is found. */
  readonly code?: string;
}

class Browser {
  readonly asked: Noted[] = [];
  readonly #play: BrowserPlay;
  readonly #context: BrowserContext;
  #tabs: Tab[] = [];
  #opened = 0;
  #frozen: Promise<void>[] = [];
  /** What happened to tabs, for the message of a failure. */
  readonly events: string[] = [];

  constructor(play: BrowserPlay, context: BrowserContext) {
    this.#play = play;
    this.#context = context;
  }

  static async start(play: BrowserPlay): Promise<Browser> {
    const { hub, cutter, code } = play;
    const context = await newContext({});
    const browser = new Browser(play, context);
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(await signedIn(hub, 'alice')) ?? [];
    await context.addCookies([{ name, value, url: cutter.url }]);
    await context.exposeBinding('tell', (_, told: Told) => browser.#told(told));
    await context.addInitScript({ content: code ?? (await script('game')) });
    while (browser.#tabs.length < tabCount) await browser.#open();
    return browser;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  tabs(): readonly Tab[] {
    return this.#tabs;
  }

  /** Lets one of the tabs make a change. */
  async ask(n: number, what: Move, key: string): Promise<void> {
    const tab = this.#any();
    if (!tab) return;
    const noted: Noted = { n, page: tab.present, what, key, outcome: 'waiting', gone: false, kept: false };
    this.asked.push(noted);
    try {
      await tab.page.evaluate((args) => game.ask(...args), [n, what, key] as const);
    } catch {
      noted.gone = true; // something has just happened to it
    }
  }

  /** Something happens to one of the tabs; one that is frozen goes on later. */
  async happen(): Promise<void> {
    const tab = this.#any();
    if (!tab) return;
    const what = pick(['load', 'load', 'close', 'kill', 'freeze', 'freeze'] as const, this.#play.random);
    this.events.push(`${what} ${tab.present}`);
    tab.state = 'busy';
    if (what === 'freeze') {
      this.#frozen.push(this.#freeze(tab, await Renderer.of(tab.page)));
      return;
    }
    const before = tab.present;
    if (what === 'load') await tab.load(this.#play.cutter.url);
    else {
      if (what === 'kill') await kill(tab.page);
      await tab.page.close();
      this.#tabs = this.#tabs.filter((one) => one !== tab);
      await this.#open();
    }
    for (const one of this.asked) if (one.page === before) one.gone = true;
    tab.state = 'open';
  }

  /** Waits until no tab is frozen any more. */
  async thawed(): Promise<void> {
    await Promise.all(this.#frozen);
  }

  async #freeze(tab: Tab, [process]: readonly Renderer[]): Promise<void> {
    process?.freeze();
    await new Promise((next) => setTimeout(next, this.#play.random() ** 2 * 8_000));
    process?.thaw();
    tab.state = 'open';
  }

  #any(): Tab | undefined {
    return pick(
      this.#tabs.filter(({ state }) => state === 'open'),
      this.#play.random,
    );
  }

  /** Sees that everything has ended: what a page that is gone has left is done, or somebody was told that it is not. */
  async end(): Promise<true> {
    const left: string[] = [];
    for (const { page, name } of this.#tabs) {
      const { waiting, kept, status } = await page.evaluate(() => game.left());
      if (waiting + kept > 0)
        left.push(`${name} is ${status}, ${waiting} changes wait in it and ${kept} are kept`);
    }
    for (const one of this.asked) {
      if (one.outcome !== 'waiting') continue;
      if (!one.gone) left.push(`change ${one.n} (${one.what}) of ${one.page} has not ended`);
      else if (left.length > 0) continue;
      else if (one.what === 'wrong') one.outcome = 'refused';
      else if (one.kept && one.what !== 'hit') Object.assign(one, { outcome: 'saved', why: 'left' });
      else one.outcome = 'unknown';
    }
    if (left.length > 0) throw new Error([...left, ...this.events].join('\n'));
    return true;
  }

  async #open(): Promise<void> {
    const tab = new Tab(await this.#context.newPage(), `tab-${++this.#opened}`);
    await tab.load(this.#play.cutter.url);
    this.#tabs = [...this.#tabs, tab];
  }

  #told({ n, what, why }: Told): void {
    const noted = this.asked.find((one) => one.n === n);
    if (!noted) return;
    if (what === 'kept') noted.kept = true;
    else Object.assign(noted, { outcome: what, why });
  }
}

/** As the system does. */
async function kill(page: BrowserPage): Promise<void> {
  const [process] = await Renderer.of(page);
  const crashed = new Promise((done) => page.once('crash', done));
  process?.kill();
  await crashed;
}

/** Who sees what is told of the changes, for each of the two who make them. */
type Watchers = Readonly<Record<'alice' | 'bob', Watcher>>;

/** Changes things for as long as the play goes, while things happen to the tabs, and waits until every change has ended. */
async function playOut({ cutter, random, time }: Play, browser: Browser, bob: Page): Promise<void> {
  for (const { page } of browser.tabs())
    await until('a tab to be there', () => page.evaluate(() => game.ready()));
  await until('bob to be there', () => ready(bob.baton));
  const work: Promise<void>[] = [];
  let state: 'playing' | 'over' = 'playing';
  const happening = (async () => {
    while (state === 'playing') {
      await new Promise((next) => setTimeout(next, random() * 600));
      await browser.happen();
    }
  })();
  let n = 1;
  for (const end = performance.now() + time; performance.now() < end; ) {
    await browser.ask(++n, pick(moves, random), pick(keys, random));
    if (random() < 0.3) work.push(bob.ask(++n));
    await new Promise((next) => setTimeout(next, 20 + random() * 60));
  }
  state = 'over';
  await happening;
  await browser.thawed();
  cutter.heal();
  await until('every change to end', () => browser.end(), ending);
  await until('his to end', () => bob.asked.every(({ outcome }) => outcome !== 'waiting'), ending);
  await Promise.all(work);
}

/** What is wrong with what came of it, and what is to be known of that. */
async function wrongWith(browser: Browser, bob: Page, watchers: Watchers, limit: number): Promise<string[]> {
  const told = { alice: watchers.alice.frames, bob: watchers.bob.frames };
  const seen = async (): Promise<string[]> => {
    const tabs = await Promise.all(
      browser.tabs().map(async ({ page, name }) => ({
        name,
        user: 'alice',
        sight: await page.evaluate(() => game.sight()),
        left: await page.evaluate(() => game.left()),
      })),
    );
    const pages: History['pages'] = [...tabs, { name: 'bob', user: 'bob', sight: sight(bob.baton) }];
    const sockets = tabs.reduce((sum, { left }) => sum + left.sockets, 0);
    return [
      ...problems({ asked: [...browser.asked, ...bob.asked], told, pages }),
      ...(sockets === 1 ? [] : [`the tabs have ${sockets} sockets`]),
    ];
  };
  // What is wrong for good is still wrong then.
  await until('nothing to be wrong', async () => (await seen()).length === 0, limit).catch(() => {});
  const slow = Object.values(watchers).some((one) => one.joined().length !== channels.length);
  const wrong = [...(await seen()), ...(slow ? ['a watcher was not told every change'] : [])];
  const counts = ['saved', 'refused', 'unknown'].map(
    (what) => `${browser.asked.filter(({ outcome }) => outcome === what).length} ${what}`,
  );
  console.log(`of what the tabs did, ${counts.join(', ')}; ${browser.events.length} things happened to them`);
  // Nothing but what is wrong is to be refused.
  for (const { n, what, outcome, why, page } of browser.asked)
    if (outcome === 'refused' && !['wrong', 'hit'].includes(what))
      wrong.push(`change ${n} (${what}) of ${page} was refused: ${why}`);
  if (wrong.length === 0) return wrong;
  const left = browser.asked.filter(({ why }) => why === 'left').map(({ n, page }) => `${n} of ${page}`);
  return [...wrong, `left by pages that are gone: ${left}`, ...browser.events];
}

/** Lets tabs of alice, and a program of bob, change things, and returns what is wrong with what came of it. */
export async function playTabs(play: BrowserPlay): Promise<string[]> {
  const { hub, cutter, random } = play;
  const cookies = { alice: await signedIn(hub, 'alice'), bob: await signedIn(hub, 'bob') };
  const watchers: Watchers = {
    alice: await Watcher.on(hub, cookies.alice, channels),
    bob: await Watcher.on(hub, cookies.bob, channels),
  };
  const browser = await Browser.start(play);
  const bob = new Page(
    `bob-${Math.floor(random() * 2 ** 32).toString(36)}`,
    'bob',
    cutter.url,
    withCookie(cookies.bob, cutter.url),
    random,
  );
  try {
    await playOut(play, browser, bob);
    return await wrongWith(browser, bob, watchers, play.limit);
  } finally {
    bob.baton.close();
    for (const watcher of Object.values(watchers)) watcher.close();
    await browser.close();
  }
}
