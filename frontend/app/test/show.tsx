import { BatonProvider } from '@baton/react';
import { MantineProvider } from '@mantine/core';
import { fireEvent, render, screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { type Fake, fakeBaton, type Scene } from '../src/dev/fakeBaton.ts';
import { alice, operatedBy, ordinary } from '../src/dev/scene.ts';
import type { BeamlineProps } from '../src/shell/Beamline.tsx';
import { RoundTripContext } from '../src/shell/roundTrip.ts';
import { Screen } from '../src/shell/Screen.tsx';
import { theme } from '../src/theme.ts';

interface ShowOptions {
  readonly leave?: BeamlineProps['leave'];
  readonly idleInput?: number;
}

/** Bob watches while alice drives, unless the scene is changed. */
export function show(
  change: Partial<Scene> = {},
  { leave = async () => undefined, idleInput }: ShowOptions = {},
): { baton: Fake; user: ReturnType<typeof userEvent.setup> } {
  const baton = fakeBaton({ ...ordinary, ...change });
  render(<Page baton={baton}>{<Screen leave={leave} idleInput={idleInput} />}</Page>);
  return { baton, user: userEvent.setup() };
}

/** One part of the screen by itself, which is much faster than all of it. */
export function showOne(part: ReactNode, change: Partial<Scene> = {}): { baton: Fake } {
  const baton = fakeBaton({ ...ordinary, ...change });
  render(<Page baton={baton}>{part}</Page>);
  return { baton };
}

export function Page({ baton, children }: { readonly baton: Fake; readonly children: ReactNode }) {
  return (
    <MantineProvider theme={theme} env="test">
      <BatonProvider baton={baton}>
        <RoundTripContext value={baton.roundTrip}>{children}</RoundTripContext>
      </BatonProvider>
    </MantineProvider>
  );
}

/** Alice at her own computer, in control. */
export const operating: Partial<Scene> = { you: alice, control: operatedBy(alice, alice) };

/** Writes into the field of the dialog that has such a one, and presses a button of that dialog. */
export async function say(label: string, text: string, press: string): Promise<void> {
  const field = await screen.findByLabelText(new RegExp(`^${label}`));
  fireEvent.change(field, { target: { value: text } });
  const dialog = within(field.closest('[role=dialog]') as HTMLElement);
  fireEvent.click(dialog.getByRole('button', { name: press }));
}

export const button = (name: string | RegExp) => screen.getByRole('button', { name });

/** Whether a control says that it may not be used. */
export const refuses = (element: HTMLElement) =>
  element.getAttribute('aria-disabled') === 'true' || element.hasAttribute('disabled');
