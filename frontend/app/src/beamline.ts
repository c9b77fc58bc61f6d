/**
 * What this app knows of the beamline: the stores, logs and commands of its space, with their types. Another instrument
 * starts here. The service behind them is `baton demo`; who may write what is in the site file.
 */

import { defineCommand, defineLog, defineSignal, defineStore } from '@baton/client';

// ---- samples and the queue ----

export type SampleState = 'in puck' | 'loading' | 'mounted' | 'collected';

/** Keyed by place, "1:03": puck and position. */
export interface Sample {
  readonly name: string;
  readonly protein: string;
  readonly puck: number;
  readonly position: number;
  readonly state: SampleState;
}

export const samples = defineStore<Sample>({ name: 'samples' });

export type Task = 'centring' | 'characterisation' | 'collection';

/** What is left out is the beamline's default for the task. */
export interface TaskParams {
  readonly images?: number;
  /** In all; of a characterisation: of each image. */
  readonly range_deg?: number;
  readonly exposure_s?: number;
  readonly transmission_pct?: number;
}

export interface QueueEntry {
  /** Key of the sample. */
  readonly sample: string;
  readonly task: Task;
  /** Entries run in this order; moving one gives it a number between its new neighbours. */
  readonly order: number;
  readonly params: TaskParams;
}

export const queue = defineStore<QueueEntry>({ name: 'queue' });

export interface RunState {
  readonly state: 'idle' | 'running' | 'stopping';
  /** Key of the entry that runs. */
  readonly item?: string;
  readonly started?: string;
}

export interface ItemState {
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  /** 0 to 1. */
  readonly progress: number;
  /** What it is doing, or why it failed. */
  readonly step: string;
}

/**
 * The key "queue" holds a RunState, "item/<key of the queue entry>" an ItemState. `live`, as is the equipment: the hub keeps
 * it, but no browser does. What a machine does now is not shown from memory.
 */
export const run = defineStore<unknown>({ name: 'run', live: true });

// ---- equipment: each key prefix has its own type, see equipment/read.ts ----

export interface Axis {
  readonly label: string;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Units per second. */
  readonly speed: number;
  readonly decimals: number;
}

export interface Choice<T extends string | number> {
  readonly value: T;
  readonly values: readonly T[];
  readonly unit?: string;
}

export interface Reading {
  readonly label?: string;
  readonly value: number;
  readonly unit: string;
}

export interface Shutter {
  readonly label: string;
  readonly value: 'open' | 'closed' | 'moving';
}

export interface Light {
  readonly label: string;
  readonly on: boolean;
}

export interface Action {
  readonly label: string;
  readonly state: 'idle' | 'running';
}

/** The types of the keys of the store `equipment`, by exact key or by prefix. */
export interface Equipment {
  'motor/': Axis;
  'shutter/': Shutter;
  'light/': Light;
  'actions/': Action;
  zoom: Choice<string>;
  aperture: Choice<number>;
  energy: Reading;
  transmission: Reading;
  resolution: Reading;
  cryo: Reading;
  mounted: { readonly sample: string | null };
  camera: Camera;
  crystal: Crystal;
  centring: Centring;
}

export const equipment = defineStore<unknown>({ name: 'equipment', live: true });

/** A motor as it is now; ten times a second while it moves. */
export interface Motor {
  readonly position: number;
  readonly target: number;
  readonly state: 'idle' | 'moving' | 'limit';
}

export const motors = defineStore<Motor>({ name: 'motors', live: true });

// ---- messages ----

export type Level = 'info' | 'warning' | 'error';

export const log = defineLog<{ readonly level: Level; readonly text: string; readonly source: string }>({
  name: 'log',
});

export const chat = defineLog<{ readonly text: string }>({ name: 'chat' });

export interface Party {
  /** The login session. */
  readonly session: string;
  readonly user: string;
  readonly name: string;
}

/** What the hub keeps of every move of the seat, and of every command. */
export interface JournalRecord {
  readonly do: string;
  /** The login session that did it. */
  readonly session?: string;
  readonly user?: string;
  readonly name?: string;
  /** The address that it came from. */
  readonly from?: string;
  readonly term?: number;
  readonly was?: Party;
  readonly to?: Party;
  readonly message?: string;
  readonly reason?: string;
  readonly result?: string;
  readonly command?: string;
  /** The id of a call. */
  readonly call?: string;
  /** Of a stop: so many more came with it, which have no record of their own. */
  readonly left_out?: number;
  /** It was done against the rule that it has to wait while the beamline runs. */
  readonly forced?: boolean;
}

export const journal = defineLog<JournalRecord>({ name: 'control' });

// ---- how this person likes the screen: kept by the hub, so it is the same in every tab and after a reload ----

export const ui = defineStore<string>({ name: 'ui' });

// ---- commands; those that stop something are open to everybody, always ----

export const moveMotor = defineCommand<{ motor: string; position: number }>({ name: 'motor.move' });
export const stopMotor = defineCommand<{ motor?: string }>({ name: 'motor.stop' });
export const startQueue = defineCommand<Record<string, never>>({ name: 'queue.start' });
export const stopQueue = defineCommand<Record<string, never>>({ name: 'queue.stop' });
export const setShutter = defineCommand<{ shutter: string; value: 'open' | 'closed' }>({
  name: 'shutter.set',
});
export const setZoom = defineCommand<{ value: string }>({ name: 'zoom.set' });
export const setAperture = defineCommand<{ value: number }>({ name: 'aperture.set' });
export const setLight = defineCommand<{ light: string; on: boolean }>({ name: 'light.set' });
export const mountSample = defineCommand<{ sample: string }>({ name: 'sample.mount' });
export const unmountSample = defineCommand<Record<string, never>>({ name: 'sample.unmount' });
export const runAction = defineCommand<{ action: string }>({ name: 'action.run' });
export const abort = defineCommand<Record<string, never>>({ name: 'abort' });

// ---- the sample view: where something is in the camera's picture is told in mm from the beam, h to the right, v up ----

/** How much the camera sees, and where phiy and phiz are when the rotation axis is in the beam. */
export interface Camera {
  readonly width_mm: number;
  readonly height_mm: number;
  readonly axis: { readonly phiy: number; readonly phiz: number };
}

/** What is on the pin of the mounted sample; x and y across the rotation axis, z along it. */
export interface Crystal {
  readonly sample: string;
  readonly shape: 'block' | 'bipyramid' | 'plate' | 'rod';
  readonly size_mm: readonly [number, number, number];
  readonly centre_mm: readonly [number, number, number];
  readonly tilt_deg: readonly [number, number];
}

export interface Centring {
  /** `click`: waits for the next click on the crystal. */
  readonly state: 'idle' | 'click' | 'turning' | 'moving';
  readonly of: number;
  readonly clicks: readonly { readonly omega: number; readonly h: number; readonly v: number }[];
}

export const startCentring = defineCommand<Record<string, never>>({ name: 'centring.start' });
export const clickCentring = defineCommand<{ h: number; v: number }>({ name: 'centring.click' });
export const cancelCentring = defineCommand<Record<string, never>>({ name: 'centring.cancel' });

/** Where somebody points in the sample view; without a place, nowhere. */
export const cursors = defineSignal<{ readonly h?: number; readonly v?: number }>({
  name: 'cursors',
  life: 6_000,
});

// ---- what the running collection measures ----

export interface Scan {
  readonly id: string;
  readonly item: string;
  readonly sample: string;
  readonly task: Task;
  readonly images: number;
  /** Images that each point is the mean of. */
  readonly every: number;
  readonly state: 'running' | 'done' | 'stopped';
}

export interface ScanPart {
  readonly id: string;
  readonly spots: readonly number[];
  readonly resolution_a: readonly number[];
}

/** The key "scan" holds a Scan, "part/<nn>" a ScanPart of the scan whose id it has. */
export const scan = defineStore<unknown>({ name: 'scan', live: true });

// ---- jogging: the motor goes on while this is heard, and stops by itself when it is not ----

export const jogMotor = defineCommand<{ motor: string; direction: 1 | -1; jog: string }>({
  name: 'motor.jog',
});
export const jogs = defineSignal<{ readonly jog: string }>({ name: 'jog' });

/** How long a message of a page takes to the hub and back, told by the page itself. */
export const links = defineSignal<{ readonly ms: number; readonly session: string }>({
  name: 'links',
  life: 25_000,
});
