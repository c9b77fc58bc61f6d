/** The demo beamline as it may look on an ordinary night, and what it looks like in the states that matter. */

import type { ControlView, Member, You } from '@baton/client';
import type { QueueEntry, Sample, Task } from '../beamline.ts';
import type { Scene } from './fakeBaton.ts';

const now = Date.now();
const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString();

export const alice: You = { user: 'alice', name: 'Alice Moreau', roles: ['user'], session: 'sa' };
export const bob: You = { user: 'bob', name: 'Bob Lindqvist', roles: ['user'], session: 'sb' };
export const sam: You = { user: 'sam', name: 'Sam Okafor', roles: ['staff'], session: 'ss' };

function member(you: You, connections: number): Member {
  return { user: you.user, name: you.name, roles: you.roles, connections, sessions: [you.session] };
}

export function operatedBy(operator: You | null, you: You): ControlView {
  return {
    term: 4,
    operator: operator && { session: operator.session, user: operator.user, name: operator.name },
    since: ago(47),
    lost: null,
    requests: [],
    mine: operator !== null && operator.session === you.session,
  };
}

export function asking(who: You, message: string, minutes: number) {
  return {
    id: `r-${who.user}`,
    user: who.user,
    name: who.name,
    session: who.session,
    message,
    since: ago(minutes),
  };
}

const proteins = [
  ['lysozyme', 'Lys'],
  ['thaumatin', 'Thau'],
  ['insulin', 'Ins'],
  ['proteinase K', 'ProK'],
] as const;

export function sampleList(pucks: number): Record<string, Sample> {
  const list: Record<string, Sample> = {};
  for (let i = 0; i < pucks * 16; i++) {
    const puck = Math.floor(i / 16) + 1;
    const position = (i % 16) + 1;
    const [protein, prefix] = proteins[Math.floor(i / 4) % 4] ?? proteins[0];
    const state = i < 3 ? 'collected' : i === 3 ? 'mounted' : 'in puck';
    const key = `${puck}:${String(position).padStart(2, '0')}`;
    list[key] = { name: `${prefix}-${(i % 4) + 1}`, protein, puck, position, state };
  }
  return list;
}

function entry(sample: string, task: Task, order: number): QueueEntry {
  const params =
    task === 'characterisation'
      ? { images: 4, range_deg: 1, exposure_s: 0.5, transmission_pct: 10 }
      : { images: 360, range_deg: 180, exposure_s: 0.02, transmission_pct: 10 };
  return { sample, task, order, params: task === 'centring' ? {} : params };
}

const axis = (label: string, unit: string, min: number, max: number, step: number, decimals: number) => ({
  label,
  unit,
  min,
  max,
  step,
  decimals,
  speed: 1,
});

const equipment = {
  'motor/omega': axis('Omega', 'deg', -3600, 3600, 90, 3),
  'motor/kappa': axis('Kappa', 'deg', 0, 225, 5, 2),
  'motor/kappa_phi': axis('Kappa Phi', 'deg', -360, 360, 5, 2),
  'motor/phix': axis('PhiX', 'mm', -5, 5, 0.1, 3),
  'motor/phiy': axis('PhiY', 'mm', -8, 8, 0.1, 4),
  'motor/phiz': axis('PhiZ', 'mm', -2, 2, 0.1, 4),
  'motor/sampx': axis('sampx', 'mm', -3, 3, 0.01, 4),
  'motor/sampy': axis('sampy', 'mm', -3, 3, 0.01, 4),
  'motor/dtox': axis('Detector distance', 'mm', 150, 500, 10, 2),
  'motor/backlight': axis('backlight', '%', 0, 100, 5, 0),
  'motor/frontlight': axis('frontlight', '%', 0, 100, 5, 0),
  'shutter/safety': { label: 'SafetyShutter', value: 'open' },
  'shutter/fast': { label: 'fast_shutter', value: 'closed' },
  'light/back': { label: 'Back light', on: true },
  'light/front': { label: 'Front light', on: false },
  'actions/centre_beam': { label: 'Centre Beam', state: 'idle' },
  'actions/quick_realign': { label: 'Quick Realign', state: 'running' },
  'actions/anneal': { label: 'Anneal', state: 'idle' },
  'actions/combo_test2': { label: 'Combo Test 2', state: 'idle' },
  zoom: { value: 'LEVEL3', values: ['LEVEL1', 'LEVEL2', 'LEVEL3', 'LEVEL4', 'LEVEL5', 'LEVEL6'] },
  aperture: { value: 50, values: [10, 20, 50, 100, 150], unit: 'µm' },
  energy: { value: 12.6595, unit: 'keV' },
  transmission: { value: 10, unit: '%' },
  resolution: { value: 1.42, unit: 'Å' },
  cryo: { value: 100, unit: 'K', label: 'Cryo' },
  mounted: { sample: '1:04' },
  camera: { width_mm: 1.2, height_mm: 0.9, axis: { phiy: -0.25, phiz: -0.2224 } },
  crystal: {
    sample: '1:04',
    shape: 'bipyramid',
    size_mm: [0.11, 0.11, 0.17],
    centre_mm: [-0.06, 0.03, 0.04],
    tilt_deg: [25, 20],
  },
  centring: { state: 'idle', of: 3, clicks: [] },
};

const measured = Array.from({ length: 214 }, (_, i) => ({
  spots: Math.round(230 + 90 * Math.cos(i / 28) - i / 4 + 26 * Math.sin(i * 12.9898)),
  resolution: Number((1.72 - 0.12 * Math.cos(i / 28) + i / 2400 + 0.02 * Math.sin(i * 4.1414)).toFixed(2)),
}));

/** A collection on its way, as the beamline tells of it. */
export const scanning: Record<string, unknown> = {
  scan: {
    id: 'q2/1',
    item: 'q2',
    sample: '1:04',
    task: 'collection',
    images: 360,
    every: 1,
    state: 'running',
  },
  ...Object.fromEntries(
    Array.from({ length: Math.ceil(measured.length / 60) }, (_, n) => {
      const part = measured.slice(n * 60, n * 60 + 60);
      return [
        `part/0${n}`,
        {
          id: 'q2/1',
          spots: part.map(({ spots }) => spots),
          resolution_a: part.map(({ resolution }) => resolution),
        },
      ];
    }),
  ),
};

const motors = {
  omega: { position: 62.411, target: 90, state: 'moving' },
  kappa: { position: 15, target: 15, state: 'idle' },
  kappa_phi: { position: -4.5, target: -4.5, state: 'idle' },
  phix: { position: 5, target: 5, state: 'limit' },
  phiy: { position: -0.25, target: -0.25, state: 'idle' },
  phiz: { position: -0.2224, target: -0.2224, state: 'idle' },
  sampx: { position: 0.0713, target: 0.0713, state: 'idle' },
  sampy: { position: -0.0281, target: -0.0281, state: 'idle' },
  dtox: { position: 200, target: 200, state: 'idle' },
  backlight: { position: 60, target: 60, state: 'idle' },
  frontlight: { position: 30, target: 30, state: 'idle' },
};

const log = [
  [9, 'info', 'queue', 'started by alice'],
  [8, 'info', 'changer', 'mounting Lys-3 from puck 1, position 3'],
  [7.4, 'warning', 'centring', 'the loop was found with low contrast; check the centring'],
  [6, 'info', 'collection', 'Lys-3: 360 images to /data/demo/lys-3/run1'],
  [4, 'error', 'action', 'Anneal failed: the cryo stream did not answer'],
  [2, 'info', 'changer', 'mounted Lys-4'],
  [1, 'info', 'collection', 'Lys-4: image 214 of 360'],
] as const;

export const ordinary: Scene = {
  title: 'Demo beamline',
  status: 'live',
  you: bob,
  control: operatedBy(alice, bob),
  people: [member(alice, 3), member(bob, 1), member(sam, 2)],
  stores: {
    samples: sampleList(2),
    queue: {
      q1: entry('1:03', 'collection', 1),
      q2: entry('1:04', 'collection', 2),
      q3: entry('1:05', 'characterisation', 3),
      q4: entry('1:06', 'collection', 4),
      q5: entry('2:01', 'centring', 5),
      q6: entry('2:02', 'collection', 6),
    },
    run: {
      queue: { state: 'running', item: 'q2', started: ago(9) },
      'item/q1': { state: 'done', progress: 1, step: '' },
      'item/q2': { state: 'running', progress: 0.59, step: 'collecting image 214 of 360' },
    },
    equipment,
    motors,
    scan: scanning,
  },
  logs: {
    log: log.map(([minutes, level, source, text]) => ({
      at: ago(minutes),
      by: 'demo',
      data: { level, source, text },
    })),
    chat: [
      { at: ago(6), by: 'bob', data: { text: 'Could you do the thaumatin next? The drops are from today.' } },
      { at: ago(5), by: 'alice', data: { text: 'Yes, after this one.' } },
    ],
    control: [
      { at: ago(47), by: 'alice', data: { do: 'request', result: 'seated', name: 'Alice Moreau', term: 4 } },
      {
        at: ago(20),
        by: 'bob',
        data: {
          do: 'request',
          result: 'waiting',
          name: 'Bob Lindqvist',
          term: 4,
          message: 'two minutes for centring?',
        },
      },
      {
        at: ago(19),
        by: 'alice',
        data: {
          do: 'deny',
          result: 'denied',
          name: 'Alice Moreau',
          to: bob,
          term: 4,
          reason: 'after this scan',
        },
      },
    ],
  },
};
