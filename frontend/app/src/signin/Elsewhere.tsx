import type { LoginSession } from '@baton/client/session';
import { Button, Group, Stack, Text } from '@mantine/core';
import { Dialog } from '../parts/Dialog.tsx';
import { SessionFacts } from '../sessions/SessionFacts.tsx';
import classes from '../sessions/Sessions.module.css';
import { grave } from '../theme.ts';

interface Props {
  /** undefined: it is not asked. */
  readonly asked: { readonly sessions: readonly LoginSession[]; readonly may: boolean } | undefined;
  readonly replace: () => void;
  readonly close: () => void;
}

/** The person is signed in on another computer: which one, and whether that one is to be closed. */
export function Elsewhere({ asked, replace, close }: Props) {
  return (
    <Dialog opened={asked !== undefined} close={close} title="You are signed in elsewhere">
      {asked !== undefined && <Question {...asked} replace={replace} close={close} />}
    </Dialog>
  );
}

function Question({ sessions, may, replace, close }: Omit<Props, 'asked'> & NonNullable<Props['asked']>) {
  const many = sessions.length > 1;
  return (
    <Stack gap="md">
      <ul className={classes.list} aria-label="Your other sign-ins">
        {sessions.map((session) => (
          <li key={session.session} className={classes.row}>
            <SessionFacts session={session} named={false} />
          </li>
        ))}
      </ul>
      <Text size="sm" c="dimmed">
        {may ? closing(sessions) : kept(many)}
      </Text>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" size="sm" onClick={close} data-autofocus>
          {may ? 'Cancel' : 'Close'}
        </Button>
        {may && (
          <Button size="sm" color={grave} onClick={replace}>
            {many ? 'Close the others' : 'Close the other'} and sign in here
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function closing(sessions: readonly LoginSession[]): string {
  const many = sessions.length > 1;
  const who = many ? 'One of them' : 'It';
  const seat = sessions.some(({ in_control }) => in_control)
    ? ` ${who} is in control, which does not come along: the seat becomes free.`
    : '';
  return `${many ? 'Their' : 'Its'} tabs are told at once that you signed in here. Nothing that was saved is lost.${seat}`;
}

function kept(many: boolean): string {
  return many
    ? 'This beamline does not close them from here. Sign out on those computers first, or ask the staff of the beamline.'
    : 'This beamline does not close it from here. Sign out on that computer first, or ask the staff of the beamline.';
}
