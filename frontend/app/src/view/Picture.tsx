import { useValue } from '@baton/react';
import { useEffect, useRef } from 'react';
import { type Camera, type Crystal, type Motor, motors } from '../beamline.ts';
import { useNamed } from '../equipment/read.ts';
import { type Pose, poseMotors } from './crystal.ts';
import { draw, type Lights } from './draw.ts';
import classes from './View.module.css';

/** The camera's picture. It is drawn again when a motor of it, a light or the sample has changed, and not otherwise. */
export function Picture({
  camera,
  crystal,
}: {
  readonly camera: Camera;
  readonly crystal: Crystal | undefined;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pose = usePose();
  const back = useLight('back', 'backlight');
  const front = useLight('front', 'frontlight');
  useEffect(() => {
    const to = canvas.current?.getContext('2d');
    const lights: Lights = { back, front };
    if (to && pose !== undefined) draw(to, { camera, crystal, pose, lights });
  }, [camera, crystal, pose, back, front]);
  return <canvas ref={canvas} width={1120} height={840} className={classes.canvas} aria-hidden />;
}

/** Where the motors of the picture are; undefined until all of them are known. */
export function usePose(): Pose | undefined {
  return useValue(motors, ({ values }) => poseOf(values), samePose);
}

function poseOf(values: ReadonlyMap<string, Motor>): Pose | undefined {
  const found = poseMotors.map((name) => [name, values.get(name)?.position] as const);
  if (found.some(([, position]) => position === undefined)) return undefined;
  return Object.fromEntries(found) as unknown as Pose; // one of each name
}

function samePose(a: Pose | undefined, b: Pose | undefined): boolean {
  return a === b || (!!a && !!b && poseMotors.every((name) => a[name] === b[name]));
}

/** 0 to 1: what a light gives, by its switch and its dimmer. */
function useLight(name: string, dimmer: string): number {
  const on = useNamed('light/', name)?.on ?? false;
  const percent = useValue(motors, dimmer)?.position ?? 0;
  return on ? percent / 100 : 0;
}
