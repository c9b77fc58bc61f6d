import { BatonError } from '@baton/client';
import { act, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MotorRow } from '../src/equipment/MotorRow.tsx';
import { button, operating, showOne } from './show.tsx';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

function row() {
  const { baton } = showOne(<MotorRow name="kappa" />, operating);
  return {
    baton,
    plus: button('Move Kappa by +5 °'),
    asked: (what: string) => baton.asked.filter(([one]) => one === what),
  };
}

describe('a motor button that is held', () => {
  it('jogs once it was held for a moment', async () => {
    const { asked, plus, baton } = row();
    fireEvent.pointerDown(plus, { button: 0 });
    await pass(340);
    expect(baton.asked).toEqual([]);
    await pass(20);
    const [[, args]] = asked('motor.jog') as [[string, { motor: string; direction: number; jog: string }]];
    expect(args).toMatchObject({ motor: 'kappa', direction: 1 });
    expect(args.jog.length).toBeGreaterThan(8);
  });

  it('goes on telling only while it is held', async () => {
    const { asked, plus, baton } = row();
    baton.answer = () => new Promise(() => undefined); // accepted late: the page tells from the beginning
    fireEvent.pointerDown(plus, { button: 0 });
    await pass(360 + 1000);
    expect(asked('send jog').length).toBe(10);
    fireEvent.pointerUp(plus);
    await pass(2000);
    expect(asked('send jog').length).toBe(10);
  });

  it.each([
    ['let go', (plus: HTMLElement) => fireEvent.pointerUp(plus)],
    ['slipped off', (plus: HTMLElement) => fireEvent.pointerLeave(plus)],
    ['left by the focus', (plus: HTMLElement) => fireEvent.blur(plus)],
    ['taken by the system', (plus: HTMLElement) => fireEvent.pointerCancel(plus)],
    ['on a page that lost the focus', () => fireEvent(window, new Event('blur'))],
  ])('stops the motor when it is %s, also if the call is accepted only then', async (_, letGo) => {
    const { asked, plus, baton } = row();
    let accept: () => void = () => undefined;
    baton.answer = ([what]) =>
      what === 'motor.jog'
        ? new Promise<void>((resolve) => {
            accept = resolve;
          })
        : undefined;
    fireEvent.pointerDown(plus, { button: 0 });
    await pass(400);
    letGo(plus);
    await pass(10);
    expect(asked('motor.stop')).toEqual([]);
    accept();
    await pass(10);
    expect(asked('motor.stop')).toEqual([['motor.stop', { motor: 'kappa' }]]);
  });

  it('is a step when it is only pressed, and no step as well when it was held', async () => {
    const { asked, plus } = row();
    fireEvent.pointerDown(plus, { button: 0 });
    await pass(100);
    fireEvent.pointerUp(plus);
    fireEvent.click(plus);
    expect(asked('motor.move')).toEqual([['motor.move', { motor: 'kappa', position: 20 }]]);
    fireEvent.pointerDown(plus, { button: 0 });
    await pass(500);
    fireEvent.pointerUp(plus);
    fireEvent.click(plus);
    expect(asked('motor.move').length).toBe(1);
    expect(asked('motor.jog').length).toBe(1);
  });

  it('is held by keyboard too', async () => {
    const { asked, plus } = row();
    fireEvent.keyDown(plus, { key: ' ' });
    fireEvent.keyDown(plus, { key: ' ', repeat: true });
    fireEvent.keyDown(plus, { key: ' ', repeat: true });
    await pass(10);
    expect(asked('motor.jog').length).toBe(1);
    fireEvent.keyUp(plus, { key: ' ' });
    await pass(10);
    expect(asked('send jog').length).toBe(0);
  });

  it('says so when the beamline stopped the motor because it heard nothing', async () => {
    const { plus, baton } = row();
    baton.answer = ([what]) => {
      if (what === 'motor.jog') throw new BatonError({ code: 'failed', detail: 'nothing was heard of you' });
    };
    fireEvent.pointerDown(plus, { button: 0 });
    await pass(400);
    screen.getByText(/nothing was heard of you/);
  });
});
