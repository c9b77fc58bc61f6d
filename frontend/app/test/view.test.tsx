import { BatonError } from '@baton/client';
import { act, fireEvent, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Scene } from '../src/dev/fakeBaton.ts';
import { ordinary, scanning } from '../src/dev/scene.ts';
import { pointsOf } from '../src/scan/points.ts';
import { ScanView } from '../src/scan/ScanView.tsx';
import { faces, see } from '../src/view/crystal.ts';
import { SampleView } from '../src/view/SampleView.tsx';
import { button, operating, refuses, showOne } from './show.tsx';

function having(equipment: object): Partial<Scene> {
  const { stores } = ordinary;
  return { stores: { ...stores, equipment: { ...stores.equipment, ...equipment } } };
}

const waiting = { centring: { state: 'click', of: 3, clicks: [{ omega: 0, h: 0.1, v: 0.05 }] } };

/** The picture as if it were 400 by 300 on the screen: 1.2 by 0.9 mm. */
function picture(name: RegExp) {
  const found = button(name);
  found.getBoundingClientRect = () => ({ left: 100, top: 50, width: 400, height: 300 }) as DOMRect;
  return found;
}

describe('the sample view', () => {
  it('takes a click of the operator as a place in mm from the beam', () => {
    const { baton } = showOne(<SampleView />, { ...operating, ...having(waiting) });
    screen.getByText('Click on the middle of the crystal (2 of 3)');
    fireEvent.click(picture(/click on the crystal/), { clientX: 400, clientY: 125, detail: 1 });
    expect(baton.asked).toEqual([['centring.click', { h: 0.3, v: 0.225 }]]);
  });

  it('is clicked by keyboard: arrows lead, Enter clicks', () => {
    const { baton } = showOne(<SampleView />, { ...operating, ...having(waiting) });
    const found = picture(/click on the crystal/);
    fireEvent.keyDown(found, { key: 'ArrowRight', shiftKey: true });
    fireEvent.keyDown(found, { key: 'ArrowDown' });
    fireEvent.click(found, { detail: 0 });
    expect(baton.asked.filter(([what]) => what === 'centring.click')).toEqual([
      ['centring.click', { h: 0.09000000000000001, v: -0.009000000000000001 }],
    ]);
  });

  it('shows who points where, and tells where one points oneself', () => {
    const { baton } = showOne(<SampleView />);
    act(() =>
      baton.heard('cursors').set({
        ready: true,
        latest: new Map([['c2', { by: 'alice', data: { h: 0.1, v: 0.2 } }]]),
      }),
    );
    screen.getByText('Alice Moreau');
    fireEvent.pointerMove(picture(/point, and others see/), { clientX: 300, clientY: 200 });
    expect(baton.asked).toEqual([['send cursors', { h: 0, v: 0 }]]);
  });

  it('lets nobody click who is not in control, and says how far it is', () => {
    const { baton } = showOne(<SampleView />, having(waiting));
    screen.getByText('Waits for click 2 of 3');
    fireEvent.click(picture(/point, and others see/), { clientX: 400, clientY: 125, detail: 1 });
    expect(baton.asked).toEqual([]);
    expect(refuses(button('Cancel centring'))).toBe(true);
  });

  it('says why a click was refused', async () => {
    const { baton } = showOne(<SampleView />, { ...operating, ...having(waiting) });
    baton.answer = () => {
      throw new BatonError({ code: 'failed', detail: 'the motors are still moving' });
    };
    fireEvent.click(picture(/click on the crystal/), { clientX: 400, clientY: 125, detail: 1 });
    await screen.findByText(/the motors are still moving/);
  });

  it('is empty until the hub has said what is so', () => {
    const { baton } = showOne(<SampleView />, operating);
    act(() => baton.values('equipment').set({ ready: false, values: new Map(), keys: new Map() }));
    expect(screen.queryByRole('button', { name: /^Sample view:/ })).toBeNull();
    expect(refuses(button('Centre by clicks'))).toBe(true);
  });
});

describe('where the camera sees something', () => {
  const camera = { width_mm: 1.2, height_mm: 0.9, axis: { phiy: -0.25, phiz: -0.2224 } };
  const centred = { omega: 0, sampx: 0.1, sampy: -0.2, phiy: -0.55, phiz: -0.2224 };

  it('is in the beam at every angle once it is centred', () => {
    for (const omega of [0, 33, 90, 271]) {
      const { h, v } = see([-0.1, 0.2, 0.3], { ...centred, omega }, camera);
      expect(h).toBeCloseTo(0, 9);
      expect(v).toBeCloseTo(0, 9);
    }
  });

  it('shows the sides of a crystal that look towards the camera, all of them outwards', () => {
    for (const shape of ['block', 'bipyramid', 'plate', 'rod'] as const) {
      const all = faces({
        sample: '',
        shape,
        size_mm: [0.1, 0.1, 0.2],
        centre_mm: [1, 2, 3],
        tilt_deg: [20, 30],
      });
      for (const { normal, corners } of all) {
        expect(Math.hypot(...normal)).toBeCloseTo(1, 9);
        const [x, y, z] = corners[0] ?? [0, 0, 0];
        expect((x - 1) * normal[0] + (y - 2) * normal[1] + (z - 3) * normal[2]).toBeGreaterThan(0);
      }
    }
  });
});

describe('the scan', () => {
  it('is drawn from the parts of the newest one alone', () => {
    const values = new Map(
      Object.entries({ ...scanning, 'part/03': { id: 'old', spots: [1], resolution_a: [1] } }),
    );
    const points = pointsOf(values);
    expect(points?.spots.length).toBe(180);
    expect(points?.images.slice(0, 3)).toEqual([1, 2, 3]);
    expect(points?.resolution.length).toBe(180);
  });

  it('says in numbers what it draws', () => {
    showOne(<ScanView />);
    screen.getByText('running');
    screen.getByText('214');
    screen.getByRole('img', { name: /214 points up to image 214 of 360; at most \d+ spots/ });
  });
});
