/** Draws what the camera of the demo sees: a crystal in a loop, lit from behind or from the front. */

import type { Camera, Crystal } from '../beamline.ts';
import { type Face, faces, type Place, type Pose, see } from './crystal.ts';

export interface Lights {
  /** 0 to 1: how much comes from behind, and from the front. */
  readonly back: number;
  readonly front: number;
}

export interface Picture {
  readonly camera: Camera;
  readonly crystal: Crystal | undefined;
  readonly pose: Pose;
  readonly lights: Lights;
}

/** The loop is so large, in mm: along the pin, and across. */
const loop = { along: 0.27, across: 0.19 };

export function draw(to: CanvasRenderingContext2D, picture: Picture): void {
  const { width, height } = to.canvas;
  const scale = width / picture.camera.width_mm;
  const put = (place: Place): readonly [number, number] => {
    const { h, v } = see(place, picture.pose, picture.camera);
    return [width / 2 + h * scale, height / 2 - v * scale];
  };
  background(to, picture.lights);
  if (picture.crystal !== undefined) {
    drawLoop(to, picture.crystal, put, scale, picture.lights);
    drawCrystal(to, faces(picture.crystal), picture, put);
  }
  grain(to);
}

type Put = (place: Place) => readonly [number, number];

function background(to: CanvasRenderingContext2D, { back, front }: Lights): void {
  const { width, height } = to.canvas;
  const light = 14 + 205 * Math.sqrt(back) + 22 * front;
  const glow = to.createRadialGradient(
    width * 0.48,
    height * 0.46,
    0,
    width / 2,
    height / 2,
    Math.hypot(width, height) * 0.56,
  );
  glow.addColorStop(0, grey(light, 1.02));
  glow.addColorStop(0.6, grey(light * 0.92, 1.03));
  glow.addColorStop(1, grey(light * 0.62, 1.06));
  to.globalAlpha = 1;
  to.fillStyle = glow;
  to.fillRect(0, 0, width, height);
}

/** A grey that leans to blue by that much. */
function grey(light: number, blue: number): string {
  const part = (factor: number) => Math.round(Math.min(255, light * factor));
  return `rgb(${part(0.97)} ${part(1)} ${part(blue)})`;
}

function path(to: CanvasRenderingContext2D, points: readonly (readonly [number, number])[], close: boolean) {
  to.beginPath();
  points.forEach(([x, y], i) => {
    if (i === 0) to.moveTo(x, y);
    else to.lineTo(x, y);
  });
  if (close) to.closePath();
}

function drawLoop(to: CanvasRenderingContext2D, crystal: Crystal, put: Put, scale: number, lights: Lights) {
  const [cx, cy, cz] = crystal.centre_mm;
  const plane = (crystal.tilt_deg[0] * Math.PI) / 180;
  const round: Place[] = Array.from({ length: 73 }, (_, i) => {
    const t = (i / 72) * 2 * Math.PI;
    // Pear-shaped: it narrows to where its ends are twisted into the stem.
    const across = loop.across * Math.sin(t) * (1 - 0.35 * Math.cos(t));
    return [
      cx + across * Math.cos(plane),
      cy + across * Math.sin(plane),
      cz + 0.02 + loop.along * Math.cos(t),
    ];
  });
  const outline = round.map(put);
  path(to, outline, true);
  to.fillStyle = lights.back > 0.1 ? 'rgb(186 205 214 / 0.22)' : 'rgb(120 140 150 / 0.12)';
  to.fill();
  const stem = [
    [cx, cy, cz + loop.along + 0.02],
    [cx * 0.6, cy * 0.6, cz + 0.55],
    [0, 0, cz + 0.95],
    [0, 0, cz + 4],
  ] as const;
  for (const [points, close] of [
    [outline, true],
    [stem.map(put), false],
  ] as const) {
    for (const [wide, colour] of threads(lights)) {
      path(to, points, close);
      to.lineWidth = Math.max(1.5, wide * scale * (close ? 1 : 1.8));
      to.lineJoin = to.lineCap = 'round';
      to.strokeStyle = colour;
      to.stroke();
    }
  }
}

/** A nylon thread: dark at its edges and bright in the middle against the light, plain when lit from the front. */
function threads({ back, front }: Lights): readonly (readonly [number, string])[] {
  if (back > 0.1)
    return [
      [0.022, 'rgb(58 70 78 / 0.78)'],
      [0.009, 'rgb(205 218 224 / 0.55)'],
    ];
  return [
    [0.022, `rgb(150 165 172 / ${0.25 + 0.6 * front})`],
    [0.008, `rgb(220 228 232 / ${0.2 + 0.5 * front})`],
  ];
}

/** Where the light of the shading comes from, as the camera sees it: from the upper left. */
const towards = { h: -0.42, v: 0.66, depth: 0.62 };

function drawCrystal(to: CanvasRenderingContext2D, sides: readonly Face[], picture: Picture, put: Put) {
  const still: Pose = { ...picture.pose, sampx: 0, sampy: 0, phiy: 0, phiz: 0 };
  const level: Camera = { ...picture.camera, axis: { phiy: 0, phiz: 0 } };
  const looks = sides.map((side) => ({ side, look: see(side.normal, still, level) }));
  // What is behind shows through what is in front: a crystal is clear.
  for (const { side, look } of looks.sort((a, b) => a.look.depth - b.look.depth)) {
    const shine = look.h * towards.h + look.v * towards.v + look.depth * towards.depth;
    const behind = look.depth < 0;
    path(to, side.corners.map(put), true);
    to.fillStyle = tone(shine, picture.lights, behind);
    to.fill();
    to.lineWidth = behind ? 1 : 2;
    to.lineJoin = 'round';
    to.strokeStyle = behind ? 'rgb(40 62 74 / 0.2)' : 'rgb(26 44 54 / 0.72)';
    to.stroke();
  }
}

function tone(shine: number, { back, front }: Lights, behind: boolean): string {
  const light = 70 + 130 * Math.max(back, front * 0.8) + 62 * shine;
  const part = (factor: number) => Math.round(Math.max(0, Math.min(255, light * factor)));
  return `rgb(${part(0.9)} ${part(1)} ${part(1.04)} / ${behind ? 0.25 : 0.5})`;
}

let noise: HTMLCanvasElement | undefined;

/** The grain of a camera, always the same: what moves is the sample. */
function grain(to: CanvasRenderingContext2D) {
  noise ??= grains();
  const pattern = to.createPattern(noise, 'repeat');
  if (pattern === null) return;
  to.globalAlpha = 0.035;
  to.fillStyle = pattern;
  to.fillRect(0, 0, to.canvas.width, to.canvas.height);
  to.globalAlpha = 1;
}

function grains(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 128;
  const to = canvas.getContext('2d');
  if (to === null) return canvas;
  const image = to.createImageData(128, 128);
  let seed = 7;
  for (let i = 0; i < image.data.length; i += 4) {
    seed = (seed * 16_807) % 2_147_483_647;
    image.data.fill(seed % 256, i, i + 3);
    image.data[i + 3] = 255;
  }
  to.putImageData(image, 0, 0);
  return canvas;
}
