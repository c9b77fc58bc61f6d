import { act, fireEvent, screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { ControlBar } from '../src/control/ControlBar.tsx';
import { StopsEverything } from '../src/control/StopEverything.tsx';
import { UserMenu } from '../src/shell/UserMenu.tsx';
import { button, showOne } from './show.tsx';

const show = () =>
  showOne(
    <StopsEverything>
      <UserMenu leave={async () => undefined} />
      <ControlBar />
    </StopsEverything>,
  );

const keys = { key: 'F8', code: 'F8', shiftKey: true };

/** The dialog in which somebody asks for control. */
async function asking() {
  fireEvent.click(button('Ask for control'));
  return within(await screen.findByRole('dialog', { name: 'Ask for control' }));
}

describe('everything is stopped', () => {
  it('from a dialog too, which stays as it is', async () => {
    const { baton } = show();
    const dialog = await asking();
    const field = dialog.getByRole('textbox');
    fireEvent.change(field, { target: { value: 'two min' } });
    fireEvent.click(dialog.getByRole('button', { name: 'Stop everything' }));
    await expect.poll(() => dialog.getByRole('status').textContent).toBe('Stop everything: sent.');
    expect(baton.asked).toEqual([['abort', {}]]);
    expect(field).toHaveProperty('value', 'two min');
  });

  it('by keys, wherever one is, and once however long they are held', async () => {
    const { baton } = show();
    const told = button('Stop everything').getAttribute('aria-keyshortcuts');
    expect(told, 'screen readers tell of it').toBe('Shift+F8');
    fireEvent.keyDown(document.body, keys);
    const field = (await asking()).getByRole('textbox');
    fireEvent.keyDown(field, keys);
    fireEvent.keyDown(field, { ...keys, repeat: true });
    fireEvent.keyDown(field, { ...keys, shiftKey: false });
    expect(baton.asked).toEqual([
      ['abort', {}],
      ['abort', {}],
    ]);
    await expect.poll(() => within(screen.getByRole('dialog')).getByRole('status').textContent).not.toBe('');
  });

  it('and a stop that was not sent says so in the dialog', async () => {
    const { baton } = show();
    fireEvent.click(button(/^Signed in as/));
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Login sessions' }));
    const dialog = within(await screen.findByRole('dialog', { name: 'Login sessions' }));
    baton.answer = () => new Promise(() => undefined);
    act(() => baton.status.set('connecting'));
    fireEvent.click(dialog.getByRole('button', { name: 'Stop everything' }));
    expect(dialog.getByText('Not sent: no connection').getAttribute('role')).toBe('alert');
  });
});
