import { act, fireEvent, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { People } from '../src/shell/People.tsx';
import { button, showOne } from './show.tsx';

it('tells of each person how good the link of the best of their pages is', async () => {
  const { baton } = showOne(<People />);
  const page = (by: string, ms: number) => ({ by, data: { ms, session: '' } });
  act(() =>
    baton.heard('links').set({
      ready: true,
      latest: new Map([
        ['c1', page('alice', 900)],
        ['c2', page('alice', 31)],
        ['c3', page('sam', 400)],
      ]),
    }),
  );
  fireEvent.click(button('3 people are here'));
  await screen.findByText('31 ms');
  await screen.findByLabelText('Link slow, 400 ms');
  expect(screen.queryByText('900 ms')).toBeNull();
});
