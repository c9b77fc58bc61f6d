/** The states of the screen that are worth looking at: dev.html?state=<name>. */

import { BatonError, type Welcome } from '@baton/client';
import { queue } from '../beamline.ts';
import { type Atom, type Fake, fakeBaton, type Scene } from './fakeBaton.ts';
import { alice, asking, bob, operatedBy, ordinary, sam, sampleList } from './scene.ts';

const operating: Scene = { ...ordinary, you: alice, control: operatedBy(alice, alice) };

const requests = [
  asking(bob, 'I would like to centre Thau-2 by hand before the next run, two minutes.', 3),
  asking(sam, '', 0.4),
];

/** A name and a message as long as people make them. */
const long = 'Maria-Magdalena von Hohenstaufen-Oberkirchner-Villanueva y Gutiérrez de la Concepción';

export const states: Record<string, () => Fake> = {
  observer: () => fakeBaton(ordinary),
  operator: () => fakeBaton(operating),
  staff: () => fakeBaton({ ...ordinary, you: sam, control: operatedBy(alice, sam) }),
  requests: () => fakeBaton({ ...operating, control: { ...operating.control, requests } }),
  asked: () => fakeBaton({ ...ordinary, control: { ...ordinary.control, requests } }),
  lost: () =>
    fakeBaton({ ...ordinary, control: { ...ordinary.control, lost: { until: performance.now() + 21_000 } } }),
  vacant: () => fakeBaton({ ...ordinary, control: operatedBy(null, bob) }),
  stale: () => fakeBaton({ ...operating, status: 'stale' }),
  connecting: () => fakeBaton({ ...ordinary, status: 'connecting' }),
  refused: () => withRefusal(fakeBaton(operating)),
  saving: () => withSaving(fakeBaton(operating)),
  empty: () =>
    fakeBaton({ ...operating, stores: { ...ordinary.stores, samples: {}, queue: {}, run: {} }, logs: {} }),
  loading: () => loading(fakeBaton(operating)),
  many: () => fakeBaton({ ...operating, stores: { ...ordinary.stores, samples: sampleList(13) } }),
  long: () => fakeBaton(longNames()),
  replaced: () =>
    fakeBaton({
      ...ordinary,
      status: 'replaced',
      ending: { code: 4409, reason: 'Bob Lindqvist signed in from 10.21.4.17 (Firefox 133 on Linux)' },
    }),
  ended: () =>
    fakeBaton({ ...ordinary, status: 'ended', ending: { code: 4400, reason: 'unknown frame: hello' } }),
  idle: () => idling(fakeBaton(operating)),
  crowd: () => fakeBaton({ ...operating, control: { ...operating.control, requests: crowd() } }),
  remembered: () => remembered(fakeBaton({ ...ordinary, status: 'connecting' })),
  admin: () => fakeBaton({ ...ordinary, you: { ...sam, roles: ['staff', 'admin'] } }),
  journal: () => fakeBaton(journal(200)),
  unread: () => fakeBaton(unread()),
  toasts: () => toasts(fakeBaton(operating)),
  view: () => pointing(fakeBaton(staged(operating, 'view'))),
  centring: () => pointing(fakeBaton(centring(staged(operating, 'view')))),
  unmounted: () => fakeBaton(unmounted(staged(ordinary, 'view'))),
  viewloading: () => loading(fakeBaton(staged(operating, 'view')), ['equipment', 'motors']),
  viewstale: () => fakeBaton({ ...staged(operating, 'view'), status: 'connecting' }),
  scan: () => fakeBaton(staged(operating, 'scan')),
  noscan: () => fakeBaton(unmounted(staged(operating, 'scan'))),
};

function staged(scene: Scene, stage: string): Scene {
  return { ...scene, stores: { ...scene.stores, ui: { stage } } };
}

function centring(scene: Scene): Scene {
  const clicks = [
    { omega: 0, h: 0.12, v: -0.08 },
    { omega: 90, h: 0.11, v: 0.06 },
  ];
  const equipment = { ...scene.stores.equipment, centring: { state: 'click', of: 3, clicks } };
  return { ...scene, stores: { ...scene.stores, equipment } };
}

function unmounted(scene: Scene): Scene {
  const { crystal: _, ...others } = scene.stores.equipment ?? {};
  const equipment = { ...others, mounted: { sample: null } };
  return { ...scene, stores: { ...scene.stores, equipment, scan: {} } };
}

function pointing(fake: Fake): Fake {
  const latest = new Map([
    ['c2', { by: 'bob', data: { h: 0.16, v: 0.09 } }],
    ['c3', { by: 'sam', data: { h: -0.21, v: -0.14 } }],
  ]);
  fake.heard('cursors').set({ ready: true, latest });
  return fake;
}

function idling(fake: Fake): Fake {
  fake.idle.set({ until: performance.now() + 60_000 });
  return fake;
}

function crowd() {
  return Array.from({ length: 200 }, (_, i) => ({
    ...asking({ ...bob, name: `Visitor ${i + 1}` }, i % 3 === 0 ? 'for a moment, please' : '', i),
    id: `r${i}`,
    session: `s${i}`,
  }));
}

/** As after a reload: the hub has said nothing yet, and of the stores only what a picture has is there. */
function remembered(fake: Fake): Fake {
  const welcome = fake.welcome.get();
  if (welcome !== null) (fake.welcome as Atom<Welcome | null>).set({ ...welcome, conn: '' });
  for (const name of ['equipment', 'motors', 'run'])
    fake.values(name).set({ ready: false, values: new Map(), keys: new Map() });
  for (const name of ['queue', 'samples'])
    fake.values(name).set({ ...fake.values(name).get(), ready: false });
  for (const name of ['log', 'chat', 'control'])
    fake.messages(name).set({ ready: false, gap: false, messages: [] });
  return fake;
}

function journal(length: number): Scene {
  const some = ordinary.logs.control ?? [];
  const records = Array.from({ length }, (_, i) => {
    const one = some[i % some.length] ?? { at: '', by: 'alice', data: {} };
    const at = new Date(Date.now() - (length - i) * 700_000).toISOString();
    return { ...one, at, data: { ...(one.data as object), from: '10.21.4.17', session: 'sa', user: one.by } };
  });
  const call = { do: 'call', command: 'motor.move', call: 'k7', result: 'done' };
  const last = { at: new Date().toISOString(), by: 'alice', data: { ...call, name: alice.name, term: 4 } };
  return { ...operating, logs: { ...ordinary.logs, control: [...records, last] }, stores: tab('control') };
}

function tab(name: string) {
  return { ...ordinary.stores, ui: { tab: name, notice: '999' } };
}

function unread(): Scene {
  const days = (n: number) => new Date(Date.now() - n * 86_400_000).toISOString();
  const said = Array.from({ length: 12 }, (_, i) => ({
    at: days(24 - 2 * i),
    by: i % 2 === 0 ? 'bob' : 'sam',
    data: { text: i % 3 === 0 ? `${long} is on the way.` : 'The next dewar has arrived.' },
  }));
  const stores = { ...ordinary.stores, ui: { 'read/chat': '7' } };
  return { ...operating, logs: { ...ordinary.logs, chat: said }, stores };
}

function toasts(fake: Fake): Fake {
  const at = new Date().toISOString();
  const records = [
    { do: 'request', result: 'waiting', name: bob.name, session: 'sb', message: 'two minutes for centring?' },
    { do: 'take', name: sam.name, session: 'ss', was: alice, reason: 'the cryo alarm' },
  ];
  setTimeout(() => {
    const view = fake.messages('control').get();
    const news = records.map((data, n) => ({ at, by: 'hub', data, position: 900 + n, n: 0 }));
    fake.messages('control').set({ ...view, messages: [...view.messages, ...news] });
  }, 300);
  return fake;
}

function withRefusal(fake: Fake): Fake {
  fake.answer = () => {
    throw new BatonError({
      code: 'conflict',
      detail: 'Somebody else has moved this entry just now. Look at it and try again.',
    });
  };
  const entry = ordinary.stores.queue?.q4 as never;
  fake
    .store(queue)
    .set('q4', entry)
    .catch(() => undefined);
  return fake;
}

function withSaving(fake: Fake): Fake {
  fake.answer = () => new Promise(() => undefined);
  void fake.store(queue).set('q4', ordinary.stores.queue?.q4 as never);
  return fake;
}

function loading(fake: Fake, stores = ['samples', 'queue']): Fake {
  for (const name of stores) fake.values(name).set({ ready: false, values: new Map(), keys: new Map() });
  return fake;
}

function longNames(): Scene {
  const someone = { ...alice, name: long };
  const samples = sampleList(2);
  const first = samples['1:04'];
  if (first !== undefined)
    samples['1:04'] = { ...first, name: `${first.name}-soaked-overnight-batch-17-cryo-B`, protein: long };
  return {
    ...ordinary,
    title: `Beamline ${long}`,
    control: {
      ...operatedBy(someone, bob),
      requests: [asking({ ...bob, name: long }, `${long} `.repeat(5), 500)],
    },
    people: Array.from({ length: 14 }, (_, i) => ({
      user: `u${i}`,
      name: `${long} ${i}`,
      roles: ['user'],
      connections: i + 1,
      sessions: [`s${i}`],
    })),
    stores: { ...ordinary.stores, samples },
  };
}
