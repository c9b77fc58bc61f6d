/** What the camera sees of the pin: the same geometry as the beamline's own, in pure functions. */

import type { Camera, Crystal } from '../beamline.ts';

export type Place = readonly [x: number, y: number, z: number];

/** In mm from the beam: h to the right, v up; depth towards the camera. */
export interface Seen {
  readonly h: number;
  readonly v: number;
  readonly depth: number;
}

/** The motors that the picture depends on. */
export interface Pose {
  readonly omega: number;
  readonly sampx: number;
  readonly sampy: number;
  readonly phiy: number;
  readonly phiz: number;
}

export const poseMotors = ['omega', 'sampx', 'sampy', 'phiy', 'phiz'] as const;

const radians = Math.PI / 180;

export function see([x, y, z]: Place, { omega, sampx, sampy, phiy, phiz }: Pose, { axis }: Camera): Seen {
  const [cos, sin] = [Math.cos(omega * radians), Math.sin(omega * radians)];
  return {
    h: z + phiy - axis.phiy,
    v: (x + sampx) * cos + (y + sampy) * sin + phiz - axis.phiz,
    depth: (y + sampy) * cos - (x + sampx) * sin,
  };
}

/** A flat side of a crystal, and where it looks to. */
export interface Face {
  readonly corners: readonly Place[];
  readonly normal: Place;
}

/** The sides of the crystal, where it is on the pin. */
export function faces({ shape, size_mm: [a, b, c], tilt_deg, centre_mm }: Crystal): Face[] {
  const { corners, sides } = solids[shape];
  const placed = corners.map(([x, y, z]) => tilted([(x * a) / 2, (y * b) / 2, (z * c) / 2], tilt_deg));
  return sides.map((side) => {
    const local = side.map((i): Place => placed[i] ?? [0, 0, 0]);
    return {
      normal: outward(local),
      corners: local.map(([x, y, z]): Place => [x + centre_mm[0], y + centre_mm[1], z + centre_mm[2]]),
    };
  });
}

function tilted([x, y, z]: Place, [turn, lean]: readonly [number, number]): Place {
  const [c1, s1] = [Math.cos(turn * radians), Math.sin(turn * radians)];
  const [c2, s2] = [Math.cos(lean * radians), Math.sin(lean * radians)];
  const [x1, y1] = [x * c1 - y * s1, x * s1 + y * c1];
  return [x1, y1 * c2 - z * s2, y1 * s2 + z * c2];
}

/** The direction at right angles to a side, away from the middle of the crystal, of length one. */
function outward(corners: readonly Place[]): Place {
  const [p, q, r] = corners as [Place, Place, Place];
  const u = [q[0] - p[0], q[1] - p[1], q[2] - p[2]] as const;
  const w = [r[0] - p[0], r[1] - p[1], r[2] - p[2]] as const;
  const n: Place = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]];
  const length = Math.hypot(...n) * (n[0] * p[0] + n[1] * p[1] + n[2] * p[2] < 0 ? -1 : 1) || 1;
  return [n[0] / length, n[1] / length, n[2] / length];
}

interface Solid {
  readonly corners: readonly Place[];
  readonly sides: readonly (readonly number[])[];
}

const box: Solid = {
  corners: [
    [-1, -1, -1],
    [1, -1, -1],
    [1, 1, -1],
    [-1, 1, -1],
    [-1, -1, 1],
    [1, -1, 1],
    [1, 1, 1],
    [-1, 1, 1],
  ],
  sides: [
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [0, 1, 5, 4],
    [1, 2, 6, 5],
    [2, 3, 7, 6],
    [3, 0, 4, 7],
  ],
};

const bipyramid: Solid = {
  corners: [
    [1, 0, 0],
    [0, 1, 0],
    [-1, 0, 0],
    [0, -1, 0],
    [0, 0, 1],
    [0, 0, -1],
  ],
  sides: [0, 1, 2, 3].flatMap((i) => [
    [i, (i + 1) % 4, 4],
    [i, (i + 1) % 4, 5],
  ]),
};

const ring = [0, 1, 2, 3, 4, 5];
const rod: Solid = {
  corners: [-1, 1].flatMap((z) =>
    ring.map((i): Place => [Math.cos((i * Math.PI) / 3), Math.sin((i * Math.PI) / 3), z]),
  ),
  sides: [ring, ring.map((i) => i + 6), ...ring.map((i) => [i, (i + 1) % 6, ((i + 1) % 6) + 6, i + 6])],
};

const solids: Record<Crystal['shape'], Solid> = { block: box, plate: box, bipyramid, rod };
