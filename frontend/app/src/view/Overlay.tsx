import type { Camera, Centring } from '../beamline.ts';
import { useEquipment } from '../equipment/read.ts';
import { Pointers } from './Pointers.tsx';
import classes from './View.module.css';

/** Over the picture, in mm: the beam, a scale, what was clicked on, and where others point. */
export function Overlay({
  camera,
  centring,
  aim,
}: {
  readonly camera: Camera;
  readonly centring: Centring | undefined;
  /** Where somebody without a mouse is about to click. */
  readonly aim: { readonly h: number; readonly v: number } | undefined;
}) {
  const { width_mm: w, height_mm: h } = camera;
  const one = h / 100; // the picture is a hundred of these high
  return (
    <svg viewBox={`${-w / 2} ${-h / 2} ${w} ${h}`} className={classes.overlay} aria-hidden>
      <Beam one={one} />
      {centring?.clicks.map(({ omega, h: x, v }, i) => (
        <g key={omega} className={classes.click}>
          <circle cx={x} cy={-v} r={one * 1.1} strokeWidth={one * 0.35} />
          <text x={x + one * 1.8} y={-v - one} fontSize={one * 3}>
            {i + 1}
          </text>
        </g>
      ))}
      {aim !== undefined && (
        <path
          className={classes.aim}
          strokeWidth={one * 0.4}
          d={`M${aim.h - one * 3} ${-aim.v}h${one * 6}M${aim.h} ${-aim.v - one * 3}v${one * 6}`}
        />
      )}
      <Scale width={w} height={h} />
      <Pointers one={one} />
    </svg>
  );
}

/** Where the beam is, and how wide it is at this aperture. */
function Beam({ one }: { readonly one: number }) {
  const aperture = useEquipment('aperture');
  const radius = (aperture?.value ?? 0) / 2000;
  const gap = Math.max(radius + one, one * 2.5);
  const arm = gap + one * 4;
  return (
    <g className={classes.beam}>
      {radius > 0 && <circle r={radius} strokeWidth={one * 0.3} />}
      <path
        strokeWidth={one * 0.3}
        d={`M${gap} 0H${arm}M${-gap} 0H${-arm}M0 ${gap}V${arm}M0 ${-gap}V${-arm}`}
      />
    </g>
  );
}

const lengths = [0.02, 0.05, 0.1, 0.2, 0.5];

/** A bar of a round length, about an eighth of the picture. */
function Scale({ width, height }: { readonly width: number; readonly height: number }) {
  const length = lengths.findLast((one) => one <= width / 7) ?? 0.02;
  const one = height / 100;
  const [x, y] = [-width / 2 + one * 3, height / 2 - one * 3.5];
  return (
    <g className={classes.scale}>
      <path strokeWidth={one * 0.7} d={`M${x} ${y}h${length}`} />
      <text x={x + length / 2} y={y - one * 1.6} fontSize={one * 3.1} textAnchor="middle">
        {length * 1000} µm
      </text>
    </g>
  );
}
