import { BatonProvider } from '@baton/react';
import { MantineProvider } from '@mantine/core';
import { render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { type Fake, fakeBaton, type Scene } from '../src/dev/fakeBaton.ts';
import { alice, operatedBy, ordinary } from '../src/dev/scene.ts';
import { Screen } from '../src/shell/Screen.tsx';
import { theme } from '../src/theme.ts';

/** Bob watches while alice drives, unless the scene is changed. */
export function show(change: Partial<Scene> = {}): { baton: Fake; user: ReturnType<typeof userEvent.setup> } {
  const baton = fakeBaton({ ...ordinary, ...change });
  render(<Page baton={baton}>{<Screen leave={() => undefined} />}</Page>);
  return { baton, user: userEvent.setup() };
}

export function Page({ baton, children }: { readonly baton: Fake; readonly children: ReactNode }) {
  return (
    <MantineProvider theme={theme} env="test">
      <BatonProvider baton={baton}>{children}</BatonProvider>
    </MantineProvider>
  );
}

/** Alice at her own computer, in control. */
export const operating: Partial<Scene> = { you: alice, control: operatedBy(alice, alice) };

export const button = (name: string | RegExp) => screen.getByRole('button', { name });

/** Whether a control says that it may not be used. */
export const refuses = (element: HTMLElement) =>
  element.getAttribute('aria-disabled') === 'true' || element.hasAttribute('disabled');
