import { BatonError } from '@baton/client';
import { screen, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { ordinary } from '../src/dev/scene.ts';
import { button, operating, refuses, show } from './show.tsx';

const entries = () => within(screen.getByRole('list', { name: 'Queue entries' })).getAllByRole('listitem');

describe('the operator', () => {
  it('moves a motor by a step from where it is going, and to a position', async () => {
    const { baton, user } = show(operating);
    await user.click(button('Move Omega by +90 °'));
    await user.click(button(/^Kappa position/));
    const field = await screen.findByRole('textbox', { name: 'Move Kappa to' });
    await user.clear(field);
    await user.type(field, '22.5{Enter}');
    expect(baton.asked).toEqual([
      ['motor.move', { motor: 'omega', position: 180 }],
      ['motor.move', { motor: 'kappa', position: 22.5 }],
    ]);
  });

  it('cannot send a motor over its limits', async () => {
    const { baton, user } = show(operating);
    await user.click(button(/^Kappa position/));
    const field = await screen.findByRole('textbox', { name: 'Move Kappa to' });
    await user.clear(field);
    await user.type(field, '400{Enter}');
    expect(field.getAttribute('aria-invalid')).toBe('true');
    expect(baton.asked).toEqual([]);
  });

  it('adds a task for the chosen samples at the end of the queue, in one change', async () => {
    const { baton, user } = show(operating);
    await user.click(screen.getByRole('checkbox', { name: /^2:03 / }));
    await user.click(screen.getByRole('checkbox', { name: /^2:04 / }));
    await user.click(button('Add to queue'));
    await user.click(await screen.findByRole('button', { name: 'Add 2 entries' }));
    const [[what, change]] = baton.asked as [
      [string, { set: Record<string, { sample: string; order: number }> }],
    ];
    expect(what).toBe('write queue');
    expect(Object.values(change.set).map(({ sample, order }) => [sample, order])).toEqual([
      ['2:03', 7],
      ['2:04', 8],
    ]);
  });

  it('reorders by buttons, on the entry as it was seen', async () => {
    const { baton, user } = show(operating);
    await user.click(within(entries()[5] as HTMLElement).getByRole('button', { name: 'Move Lys-2 up' }));
    expect(baton.asked).toEqual([
      [
        'write queue',
        { set: { q6: { ...(ordinary.stores.queue?.q6 as object), order: 4.5 } }, if: { q6: 1 } },
      ],
    ]);
    expect(entries()[4]?.getAttribute('aria-label')).toBe('5. Lys-2, Collection');
  });

  it('with fingers finds what can be done with an entry in a menu', async () => {
    const matchMedia = window.matchMedia.bind(window);
    vi.spyOn(window, 'matchMedia').mockImplementation((query) =>
      query === '(pointer: coarse)'
        ? ({ ...matchMedia(query), matches: true, addEventListener() {}, removeEventListener() {} } as never)
        : matchMedia(query),
    );
    const { baton, user } = show(operating);
    const running = within(entries()[1] as HTMLElement).getByRole('button', { name: /^Move or delete/ });
    expect(refuses(running)).toBe(true);
    await user.click(
      within(entries()[5] as HTMLElement).getByRole('button', { name: 'Move or delete Lys-2' }),
    );
    expect(refuses(await screen.findByRole('menuitem', { name: 'Move down' })), 'it is the last').toBe(true);
    await user.click(screen.getByRole('menuitem', { name: 'Move up' }));
    expect(entries()[4]?.getAttribute('aria-label')).toBe('5. Lys-2, Collection');
    expect(baton.asked.map(([what]) => what)).toEqual(['write queue']);
    vi.restoreAllMocks();
  });

  it('cannot touch the entry that runs', () => {
    show(operating);
    const running = entries()[1] as HTMLElement;
    expect(running.getAttribute('aria-current')).toBe('step');
    expect(within(running).getByRole('progressbar').getAttribute('aria-valuenow')).toBe('59');
    for (const control of within(running).getAllByRole('button')) expect(refuses(control)).toBe(true);
  });
});

describe('a value', () => {
  it('being saved is marked until the hub has answered', async () => {
    const { baton, user } = show(operating);
    let answer: (() => void) | undefined;
    baton.answer = () => new Promise<void>((resolve) => (answer = resolve));
    await user.click(within(entries()[5] as HTMLElement).getByRole('button', { name: 'Move Lys-2 up' }));
    const moved = entries()[4] as HTMLElement;
    expect(moved.querySelector('[data-mark=saving]')).toBeTruthy();
    expect(within(moved).getByText('Saving')).toBeTruthy();
    answer?.();
    await screen.findByRole('listitem', { name: '5. Lys-2, Collection' });
    await expect.poll(() => entries()[4]?.querySelector('[data-mark=saving]')).toBeNull();
  });

  it('that was refused goes back and says why, until that is dismissed', async () => {
    const { baton, user } = show(operating);
    baton.answer = () => {
      throw new BatonError({ code: 'conflict', detail: 'Bob has moved it meanwhile.' });
    };
    await user.click(within(entries()[5] as HTMLElement).getByRole('button', { name: 'Move Lys-2 up' }));
    const row = entries()[5] as HTMLElement;
    expect(row.querySelector('[data-mark=refused]')).toBeTruthy();
    expect(within(row).getByRole('alert').textContent).toBe('Refused: Bob has moved it meanwhile.');
    await user.click(within(row).getByRole('button', { name: 'Dismiss' }));
    expect(within(row).queryByRole('alert')).toBeNull();
  });

  it('whose command failed at the beamline says so beside it', async () => {
    const { baton, user } = show(operating);
    baton.answer = () => {
      throw new BatonError({ code: 'failed', detail: 'the queue is running: stop it first' });
    };
    await user.click(button('Move Omega by +90 °'));
    const omega = screen.getByRole('group', { name: 'Omega' }).parentElement as HTMLElement;
    expect(within(omega).getByRole('alert').textContent).toBe('Failed: the queue is running: stop it first');
  });

  it('that was to be stopped without a connection is said not to be', async () => {
    const { baton, user } = show({ ...operating, status: 'connecting' });
    baton.answer = () => new Promise(() => undefined);
    const stop = button('Stop everything');
    await user.click(stop);
    expect(screen.getByText('Not sent: no connection').getAttribute('role')).toBe('alert');
    expect(refuses(stop)).toBe(false);
  });

  it('that is stale is marked in every part of the screen, and cannot be changed; stopping can be tried', () => {
    show({ ...operating, status: 'stale' });
    for (const name of ['Control', 'Beamline', 'Samples', 'Queue', 'Messages']) {
      expect(within(screen.getByRole('region', { name })).getByText('Stale'), name).toBeTruthy();
    }
    expect(screen.getByRole('alert').textContent).toContain('Nothing can be saved');
    for (const name of ['Release control', 'Start', /^Omega position/])
      expect(refuses(button(name)), String(name)).toBe(true);
    expect(refuses(button('Stop everything'))).toBe(false);
  });
});
