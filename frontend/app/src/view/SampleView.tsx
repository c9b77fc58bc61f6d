import { useValue } from '@baton/react';
import { Skeleton, Text } from '@mantine/core';
import { IconMinus, IconPlus } from '@tabler/icons-react';
import { type PointerEvent, useState } from 'react';
import { type Camera, clickCentring, equipment, setZoom } from '../beamline.ts';
import { useEquipment } from '../equipment/read.ts';
import { GuardedIcon } from '../parts/Guarded.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';
import { useGuard } from '../parts/useGuard.ts';
import { CentringBar } from './CentringBar.tsx';
import { Overlay } from './Overlay.tsx';
import { Picture } from './Picture.tsx';
import { usePointing } from './Pointers.tsx';
import classes from './View.module.css';

const isReady = ({ ready }: { readonly ready: boolean }) => ready;

/** What the camera sees, where the beam is, and where others point. The operator centres the crystal here by clicks. */
export function SampleView() {
  const ready = useValue(equipment, isReady);
  const camera = useEquipment('camera');
  return (
    <>
      <div className={classes.frame}>
        {/* What lives is shown empty until it is known. */}
        {!ready && <Skeleton className={classes.picture} aria-hidden />}
        {ready && camera === undefined && (
          <Text size="sm" c="dimmed">
            This beamline has no camera.
          </Text>
        )}
        {ready && camera !== undefined && <Live camera={camera} />}
      </div>
      <CentringBar />
    </>
  );
}

function Live({ camera }: { readonly camera: Camera }) {
  const crystal = useEquipment('crystal');
  const centring = useEquipment('centring');
  const guard = useGuard();
  const click = useCall(clickCentring);
  const clickable = guard.may && centring?.state === 'click';
  const { aim, hand } = useAim(camera, (place) => {
    if (clickable) void click.call(place);
  });
  return (
    <>
      <div className={classes.picture} data-clickable={clickable || undefined}>
        <Picture camera={camera} crystal={crystal} />
        <Overlay camera={camera} centring={centring} aim={aim} />
        <button
          type="button"
          className={classes.touch}
          aria-label={
            clickable ? 'Sample view: click on the crystal' : 'Sample view: point, and others see where'
          }
          aria-description="The arrow keys move the pointer, with Shift further; Enter clicks."
          {...hand}
        />
        {crystal === undefined && <p className={classes.none}>No sample mounted</p>}
        <Zoom />
      </div>
      <div className={classes.refusal}>
        <MarkLine mark={click.mark} />
      </div>
    </>
  );
}

/** A place in the picture, in mm to the right of and above its middle. */
interface Place {
  readonly h: number;
  readonly v: number;
}

/** Points into the picture by pointer or arrow keys, which the others see, and clicks there. */
function useAim(camera: Camera, click: (place: Place) => void) {
  const pointing = usePointing();
  const [aim, setAim] = useState<Place>(); // where the arrow keys led
  const at = (event: PointerEvent | React.MouseEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return {
      h: ((event.clientX - box.left) / box.width - 0.5) * camera.width_mm,
      v: (0.5 - (event.clientY - box.top) / box.height) * camera.height_mm,
    };
  };
  const moved = (event: PointerEvent) => {
    setAim(undefined);
    const { h, v } = at(event);
    pointing.to(h, v);
  };
  const clicked = (event: React.MouseEvent) => {
    // A press of Enter or of the space bar is a click without a place: it is where the arrow keys led.
    const place = event.detail === 0 ? (aim ?? { h: 0, v: 0 }) : at(event);
    click(place);
  };
  const steered = (event: React.KeyboardEvent) => {
    const way = arrows[event.key];
    if (way === undefined) return;
    event.preventDefault();
    const step = camera.height_mm * (event.shiftKey ? 0.1 : 0.01);
    const from = aim ?? { h: 0, v: 0 };
    const next = {
      h: within(from.h + way[0] * step, camera.width_mm),
      v: within(from.v + way[1] * step, camera.height_mm),
    };
    setAim(next);
    pointing.to(next.h, next.v);
  };
  const left = () => {
    setAim(undefined);
    pointing.away();
  };
  const hand = {
    onPointerMove: moved,
    onPointerDown: moved,
    onPointerLeave: pointing.away,
    onBlur: left,
    onKeyDown: steered,
    onClick: clicked,
  };
  return { aim, hand };
}

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

function within(mm: number, side: number): number {
  return Math.max(-side / 2, Math.min(side / 2, mm));
}

/** A level closer or further away. */
function Zoom() {
  const zoom = useEquipment('zoom');
  const { call } = useCall(setZoom);
  if (zoom === undefined) return null;
  const i = zoom.values.indexOf(zoom.value);
  const [further, closer] = [zoom.values[i - 1], zoom.values[i + 1]];
  return (
    <div className={classes.zoom}>
      <GuardedIcon
        label="Zoom in"
        variant="filled"
        color="dark.6"
        unless={closer === undefined ? 'This is as close as it goes.' : undefined}
        onClick={() => closer !== undefined && void call({ value: closer })}
      >
        <IconPlus size={16} />
      </GuardedIcon>
      <GuardedIcon
        label="Zoom out"
        variant="filled"
        color="dark.6"
        unless={further === undefined ? 'This is all there is to see.' : undefined}
        onClick={() => further !== undefined && void call({ value: further })}
      >
        <IconMinus size={16} />
      </GuardedIcon>
    </div>
  );
}
