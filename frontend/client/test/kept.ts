/** Pages of one browser that keep what they have, in fake time, with the database of fake-indexeddb. */

import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { defineCommand, defineLog, defineStore } from '../src/index.js';
import { type Persistence, type PersistOptions, persist } from '../src/persist.js';
import { Browser, Room, type Tab } from './tabs.js';

export const ui = defineStore<number>({ name: 'ui' });
export const chat = defineLog<string>({ name: 'chat' });
export const motors = defineStore<number>({ name: 'motors', live: true });
export const move = defineCommand({ name: 'motor.move' });
export const hours = 3_600_000;

export let browser: Browser;
export let room: Room;
let pages: Page[];
export const browserStorage = globalThis as { indexedDB?: IDBFactory };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] });
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  browserStorage.indexedDB = new IDBFactory();
  browser = new Browser();
  room = new Room();
  pages = [];
});

afterEach(async () => {
  for (const { tab } of pages) if (tab.state === 'running') tab.baton.close();
  await settle();
  expect(vi.getTimerCount(), 'no timer is left after close').toBe(0);
  vi.useRealTimers();
  vi.restoreAllMocks();
  delete browserStorage.indexedDB;
});

export interface Page {
  readonly tab: Tab;
  readonly kept: Persistence;
}

export async function open(options: PersistOptions = {}, more: object = {}): Promise<Page> {
  const kept = persist({ url: 'https://hub.example', ...options });
  const page = { tab: browser.open(room, { add: kept.add, ...more }), kept };
  for (const def of [ui, motors]) page.tab.baton.store(def).subscribe(() => {});
  page.tab.baton.log(chat).subscribe(() => {});
  pages.push(page);
  await settle();
  return page;
}

/** What needs no time has happened, in the database too. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await new Promise((next) => setImmediate(next));
    await vi.advanceTimersByTimeAsync(0);
  }
}

/** Time passes, and the database, which has its own, keeps up with it. */
export async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    await vi.advanceTimersByTimeAsync(Math.min(250, left));
    for (let i = 0; i < 20; i++) await new Promise((next) => setImmediate(next));
  }
  await settle();
}

/** Much time passes, with no page there. */
export async function leap(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

export const values = ({ tab }: Page) => Object.fromEntries(tab.baton.store(ui).get().values);
export const state = ({ tab }: Page, key: string) => tab.baton.store(ui).get().keys.get(key);
export const said = ({ tab }: Page) =>
  tab.baton
    .log(chat)
    .get()
    .messages.map((m) => m.data);
export const asked = (type: string) => room.asked.filter((request) => request.type === type);
