import type { Locator, Page } from 'playwright-core';
import type { Look, Probe, Sight } from '../page/probe.ts';
import type { Hub } from './installation.ts';
import { until } from './waiting.ts';

declare const probe: Probe; // in the page

/** What a tab says of its connection, and of the seat: the first thing to watch in most tests. */
export const status: Look = { selector: 'header [role=status]', match: '^(.*)$' };
export const seat: Look = { selector: 'section[aria-label=Control] [role=status]', match: '^(.*)$' };

/** A tab with the app, in the words of those who use it. */
export class Tab {
  readonly page: Page;
  readonly hub: Hub;

  /** How many sockets this tab has. */
  sockets = 0;

  constructor(page: Page, hub: Hub) {
    this.page = page;
    this.hub = hub;
    page.on('websocket', (socket) => {
      this.sockets++;
      socket.on('close', () => this.sockets--);
    });
  }

  // ---- the way in and out ----

  /** Signs in by name and password; the result is whatever the hub says. */
  async tryToSignIn(name: string): Promise<void> {
    await this.page.getByLabel('User name').fill(name);
    await this.page.getByRole('textbox', { name: 'Password' }).fill(name);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  async signIn(name: string): Promise<this> {
    await this.tryToSignIn(name);
    return this.live();
  }

  /** Waits until what is shown is what is so. */
  async live(): Promise<this> {
    await this.page.getByRole('status', { name: 'Connection: Live' }).waitFor();
    return this;
  }

  async signOut(name: string): Promise<void> {
    await this.menu(name, 'Sign out');
  }

  /** Waits for the sign-in page, and returns what it says. */
  async atTheDoor(): Promise<string> {
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
    return this.page.getByRole('main').innerText();
  }

  /** What this app has put into the browser, by name. */
  async stored(): Promise<string[]> {
    const { channels, changes } = await this.page.evaluate(() => probe.database());
    const names = await this.page.evaluate(() =>
      [localStorage, sessionStorage].flatMap((storage) => Object.keys(storage)).sort(),
    );
    return [...names, ...channels.map(({ name }) => `channel ${name}`), ...changes.map(({ op }) => op)];
  }

  /** The keys of a store that the browser remembers. */
  async kept(store: string): Promise<readonly string[]> {
    const { channels } = await this.page.evaluate(() => probe.database());
    return channels.find(({ name }) => name === store)?.keys ?? [];
  }

  /** How many changes the browser keeps that the hub has not answered. */
  async unanswered(): Promise<number> {
    return (await this.page.evaluate(() => probe.database())).changes.length;
  }

  /** Waits until the browser can open the page without the hub. */
  async keptItself(): Promise<void> {
    await until('the page to be kept', () =>
      this.page.evaluate(async () => (await caches.match('/')) !== undefined),
    );
  }

  /** Opens a dialog of the menu of the person. */
  async menu(name: string, item: string): Promise<void> {
    await this.page.getByRole('button', { name: `Signed in as ${name}` }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  dialog(name: string): Locator {
    return this.page.getByRole('dialog', { name });
  }

  toast(text: string): Locator {
    return this.page.locator('.mantine-Notification-root').filter({ hasText: text });
  }

  /** With which status the hub answers a request of this browser. */
  ask(method: string, path: string): Promise<number> {
    return this.page.evaluate(
      async ([how, where]) => (await fetch(`/api/v1/${where}`, { method: how as string })).status,
      [method, path],
    );
  }

  // ---- control ----

  get control(): Locator {
    return this.page.getByRole('region', { name: 'Control' });
  }

  /** Waits until the control bar says that. */
  async says(headline: string): Promise<void> {
    await this.control.getByRole('status').filter({ hasText: headline }).waitFor();
  }

  async takeSeat(): Promise<void> {
    await this.press('Take the seat');
    await this.says('You are in control');
  }

  /** Asks for control, or whatever opens a dialog with one text: presses, writes, confirms. */
  async saying(button: string, text: string, confirm: string): Promise<void> {
    await this.control.getByRole('button', { name: button }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.getByRole('textbox').fill(text);
    await dialog.getByRole('button', { name: confirm, exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  /** Presses a button of the control bar. */
  async press(name: string): Promise<void> {
    await this.control.getByRole('button', { name, exact: true }).click();
  }

  /** Waits for a record in the control journal, and returns the term that it has. */
  async journal(text: string): Promise<number> {
    await this.page.getByRole('tab', { name: 'Journal' }).click();
    const record = this.records.getByText(text);
    await record.last().waitFor();
    const term = await record.last().locator('xpath=..').locator('[title^=Term]').innerText();
    return Number(term.replace('#', ''));
  }

  /** The control journal, where it is shown. */
  get records(): Locator {
    return this.page.getByRole('log', { name: 'Control journal' });
  }

  // ---- chat ----

  async say(text: string): Promise<void> {
    await this.page.getByRole('tab', { name: 'Chat' }).click();
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text);
    await this.page.keyboard.press('Enter');
  }

  get chat(): Locator {
    return this.page.getByRole('log', { name: 'Chat' });
  }

  // ---- samples, queue, motors ----

  /** Puts samples into the queue, with so many images each. */
  async addToQueue(images: number, ...samples: string[]): Promise<void> {
    for (const sample of samples) await this.sample(sample).click();
    await this.page.getByRole('button', { name: 'Add to queue' }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.getByLabel('Images').fill(String(images));
    await dialog.getByRole('button', { name: /^Add \d/ }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  sample(name: string): Locator {
    return this.page.getByRole('checkbox', { name: new RegExp(` ${name},`) });
  }

  get queue(): Locator {
    return this.page.getByRole('region', { name: 'Queue' });
  }

  entry(name: string): Locator {
    return this.queue.getByRole('listitem', { name: new RegExp(`\\d\\. ${name},`) });
  }

  /** The queue as it stands there: "1. Lys-01, Collection", … */
  async order(): Promise<string[]> {
    const rows = await this.queue.getByRole('listitem').all();
    return Promise.all(rows.map(async (row) => (await row.getAttribute('aria-label')) ?? ''));
  }

  /** Waits until the queue stands there like that. */
  async ordered(...entries: string[]): Promise<void> {
    await until(
      `the queue to be ${entries.join(', ')}`,
      async () => `${await this.order()}` === `${entries}`,
    );
  }

  motor(label: string): Locator {
    return this.page.getByRole('button', { name: new RegExp(`^${label} position`) });
  }

  // ---- what the page has recorded ----

  /** When something was pressed last. */
  pressed(): Promise<number> {
    return this.page.evaluate(() => probe.pressed());
  }

  async watch(name: string, look: Look): Promise<void> {
    await this.page.evaluate(([n, l]) => probe.watch(n, l), [name, look] as const);
  }

  /** All that was seen under that name, oldest first. */
  async sights(name: string): Promise<Sight[]> {
    return this.page.evaluate((n) => probe.sights[n] ?? [], name);
  }

  async seen(name: string): Promise<string[]> {
    return (await this.sights(name)).map((sight) => sight.value);
  }

  /** When the newest sight of that name was painted, once it has the value. */
  async painted(name: string, value: string): Promise<number> {
    return until(`${value} to be painted`, async () => {
      const last = (await this.sights(name)).at(-1);
      return last?.value === value ? last.painted : undefined;
    });
  }

  // ---- the client that the page has for the tests; see page/probe.ts ----

  /** Starts to count up the images of an entry, as fast as the hub confirms. */
  async write(): Promise<void> {
    await until('the writer to be ready', () => this.page.evaluate(() => probe.ready()));
    await this.page.evaluate(() => void probe.write());
  }

  /** The newest number that the hub has confirmed to the writer. */
  async confirmed(): Promise<number> {
    const { confirmed, failed } = await this.page.evaluate(() => probe.writer);
    if (failed !== '') throw new Error(`the writer failed: ${failed}`);
    return confirmed;
  }

  /** Returns the number that was written last, once it is confirmed. */
  async stopWriting(): Promise<number> {
    const last = await this.page.evaluate(() => probe.stop());
    await until(`write ${last} to be confirmed`, async () => (await this.confirmed()) === last);
    return last;
  }

  /** The numbers that the hub has, as this page is told. */
  marked(): Promise<number[] | undefined> {
    return this.page.evaluate(() => probe.marked());
  }
}
