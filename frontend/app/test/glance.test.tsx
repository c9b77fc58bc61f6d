import { act, screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { ItemState } from '../src/beamline.ts';
import { Glance } from '../src/glance/Glance.tsx';
import { beam, work } from '../src/glance/glance.ts';
import { showOne } from './show.tsx';

const shutter = (label: string, value: 'open' | 'closed' | 'moving') => ({ label, value });
const item = (state: ItemState['state'], progress = 1): ItemState => ({ state, progress, step: '' });
const started = '2026-03-02T03:00:00Z';
const now = Date.parse('2026-03-02T03:09:30Z');

describe('what one reads from the other side of the room', () => {
  it.each([
    ['Open', 'to the sample', 'on', ['open', 'open']],
    ['Closed', 'fast shutter', 'off', ['open', 'closed']],
    ['Closed', 'safety shutter', 'off', ['closed', 'open']],
    ['Moving', 'safety shutter', 'moving', ['moving', 'closed']],
  ] as const)('of the beam: %s (%s)', (word, where, look, [safety, fast]) => {
    expect(beam([shutter('SafetyShutter', safety), shutter('fast_shutter', fast)])).toEqual({
      word,
      where,
      look,
    });
  });

  it('of a beamline without shutters is nothing', () => {
    expect(beam([])).toBeUndefined();
  });

  it('of the queue is how far it is, and whether something went wrong', () => {
    const items = [
      ['a', item('done')],
      ['b', item('running', 0.594)],
      ['c', undefined],
    ] as const;
    const at = (state: 'idle' | 'running' | 'stopping', more: object = {}, of: typeof items | [] = items) =>
      work({ state, ...more }, of, 'Lys-4', now);
    expect(at('running', { item: 'b', started })).toEqual({
      word: 'Lys-4 · 59 %',
      look: 'on',
      where: '2 of 3 · 9 min',
      percent: 59,
    });
    expect(at('running', { item: 'deleted' })).toEqual({ word: 'Running', look: 'on', where: '' });
    expect(at('stopping', { item: 'b' })).toEqual({ word: 'Stopping', look: 'moving', where: '2 of 3' });
    expect(at('idle')).toEqual({ word: 'Idle', look: 'off', where: '3 entries' });
    expect(work({ state: 'idle' }, [['a', item('failed')]], '', now)).toEqual({
      word: 'Idle, 1 failed',
      look: 'trouble',
      where: '1 entry',
    });
  });

  it('is nothing until the hub has said it, and follows the beamline', () => {
    const { baton } = showOne(<Glance />);
    const glance = screen.getByLabelText('At a glance');
    const said = () =>
      within(glance)
        .getAllByRole('definition')
        .map(({ textContent }) => textContent);
    expect(said()).toEqual(['Closed', 'Lys-4 · 59 %']);
    const equipment = baton.values('equipment');
    act(() => {
      const values = new Map(equipment.get().values).set('shutter/fast', shutter('fast_shutter', 'open'));
      equipment.set({ ...equipment.get(), values });
    });
    expect(said()).toEqual(['Open', 'Lys-4 · 59 %']);
    for (const name of ['equipment', 'run'])
      act(() => baton.values(name).set({ ready: false, values: new Map(), keys: new Map() }));
    expect(said()).toEqual(['–', '–']);
  });
});
