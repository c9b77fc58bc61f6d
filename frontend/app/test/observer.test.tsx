import { fireEvent, screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { motors } from '../src/beamline.ts';
import { button, refuses, show } from './show.tsx';

const operatorOnly = [
  'Close Safety shutter',
  /^Omega position/,
  'Move Omega by +90 °',
  'Centre Beam',
  'Start',
  'Move Lys-2 up',
  'Delete Thau-1',
  'Mount',
  'Add to queue',
];

describe('an observer', () => {
  it('sees every control and can use none that changes something', async () => {
    const { baton, user } = show();
    for (const name of operatorOnly) {
      const control = button(name);
      expect(refuses(control), String(name)).toBe(true);
      await user.click(control);
    }
    for (const choice of [
      ...screen.getAllByRole('switch'),
      ...within(choices('Zoom')).getAllByRole('radio'),
    ]) {
      expect(refuses(choice)).toBe(true);
    }
    expect(baton.asked).toEqual([]);
  });

  it('is told by the control itself who drives and what to do', async () => {
    const { user } = show();
    await user.hover(button('Start'));
    expect((await screen.findByRole('tooltip')).textContent).toBe(
      'Alice Moreau is in control. Ask for control.',
    );
  });

  it('may stop everything, the queue and the motors', async () => {
    const { baton, user } = show();
    for (const name of ['Stop everything', 'Stop', 'Stop motors', 'Stop Omega'])
      await user.click(button(name));
    expect(baton.asked).toEqual([
      ['abort', {}],
      ['queue.stop', {}],
      ['motor.stop', {}],
      ['motor.stop', { motor: 'omega' }],
    ]);
  });

  it('sees a motor move', async () => {
    const { baton } = show();
    const at = baton.values(motors.name);
    const values = new Map(at.get().values).set('kappa', { position: 17.5, target: 20, state: 'moving' });
    at.set({ ...at.get(), values });
    expect((await screen.findByRole('button', { name: /^Kappa position/ })).textContent).toContain('17.50');
    expect(screen.getByText('moving to 20.00')).toBeTruthy();
  });

  it('asks for control with a message', async () => {
    const { baton, user } = show();
    await user.click(button('Ask for control'));
    const dialog = await screen.findByRole('dialog');
    fireEvent.change(within(dialog).getByLabelText('Message'), { target: { value: 'two minutes?' } });
    await user.click(within(dialog).getByRole('button', { name: 'Ask' }));
    expect(baton.asked).toEqual([['request', 'two minutes?']]);
  });
});

function choices(name: string): HTMLElement {
  return screen.getByRole('radiogroup', { name });
}
