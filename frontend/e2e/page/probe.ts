/**
 * What the tests put into each page before the app starts: it records what is rendered, when things are pressed, and
 * can use the client by itself. Times are milliseconds since 1970 by the machine's one clock, so those of two pages
 * can be compared.
 */

import { type Baton, connect, defineStore } from '@baton/client';
import { database } from './database.ts';
import { lab } from './lab.ts';
import { shared } from './shared.ts';

const now = () => performance.timeOrigin + performance.now();

/** One thing that was on the page. `painted`: when the frame with it was drawn. */
export interface Sight {
  readonly value: string;
  readonly at: number;
  painted?: number;
}

/** Where to look, and what to take of it: an attribute, or a part of the text by a regular expression. */
export interface Look {
  readonly selector: string;
  readonly attribute?: string;
  readonly match?: string;
}

const sights: Record<string, Sight[]> = {};
let pressed = 0;
addEventListener(
  'click',
  (event) => {
    pressed = performance.timeOrigin + event.timeStamp;
  },
  { capture: true },
);

/** Notes every value that `look` has from now on, in order, with nothing in between left out. */
function watch(name: string, look: Look): void {
  const seen: Sight[] = [];
  sights[name] = seen;
  const note = () => {
    const value = read(look);
    if (value === undefined || value === seen.at(-1)?.value) return;
    const sight: Sight = { value, at: now() };
    seen.push(sight);
    requestAnimationFrame(() => {
      sight.painted = now();
    });
  };
  new MutationObserver(note).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
  });
  note();
}

function read({ selector, attribute, match }: Look): string | undefined {
  const element = document.querySelector(selector);
  if (element === null) return undefined;
  const text = attribute === undefined ? (element.textContent ?? '') : element.getAttribute(attribute);
  if (match === undefined || text === null) return text ?? undefined;
  return new RegExp(match).exec(text)?.[1];
}

/** The channels that the writer writes to: an entry that everybody's queue shows, and values that only it reads. */
const queue = defineStore<unknown>({ name: 'queue' });
const ui = defineStore<unknown>({ name: 'ui' });
let baton: Baton | undefined;

const writer = {
  /** The newest number that was given to the client, and the newest that the hub has confirmed. */
  written: 0,
  confirmed: 0,
  failed: '',
  running: false,
};

/**
 * Writes 1, 2, 3, … until stopped: each under a key of its own, and into the number of images of one entry, on top of
 * 100,000 so that the number is found whatever stands beside it.
 */
async function write(): Promise<void> {
  const { entries, marks } = stores();
  writer.running = true;
  for (let n = 1; writer.running; n++) {
    writer.written = n;
    const entry = { sample: '1:01', task: 'collection', order: 1, params: { images: 100_000 + n } };
    try {
      await Promise.all([entries.set('counter', entry), marks.set(`mark-${n}`, n)]);
    } catch (err) {
      writer.failed = String(err);
      return;
    }
    writer.confirmed = n;
  }
}

/** Writes no further, and says how far it went. */
function stop(): number {
  writer.running = false;
  return writer.written;
}

function stores() {
  baton ??= connect();
  const [entries, marks] = [baton.store(queue), baton.store(ui)];
  for (const store of [entries, marks]) store.subscribe(() => {});
  return { baton, entries, marks };
}

/** The client by itself is up to date and, for the queue, in control. */
function ready(): boolean {
  const { baton, entries, marks } = stores();
  return baton.control.get().mine && entries.get().ready && marks.get().ready;
}

/** The numbers that the hub has under keys of their own; undefined while they are not there yet. */
function marked(): number[] | undefined {
  const view = stores().marks.get();
  if (!view.ready) return undefined;
  return [...view.values].filter(([key]) => key.startsWith('mark-')).map(([, n]) => Number(n));
}

const probe = {
  ...{ sights, watch, pressed: () => pressed },
  ...{ write, writer, stop, ready, marked },
  ...{ database, lab, shared },
};
export type Probe = typeof probe;
Object.assign(globalThis, { probe });
