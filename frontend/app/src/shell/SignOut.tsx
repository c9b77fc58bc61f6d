import { BatonError } from '@baton/client';
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useCallback, useState } from 'react';
import { useConfirmed } from '../parts/Confirmation.tsx';
import { ReasonDialog } from '../parts/ReasonDialog.tsx';
import type { BeamlineProps } from './Beamline.tsx';

interface Refusal {
  readonly detail: string;
  readonly busy: boolean;
  readonly mayForce: boolean;
}

export interface Out {
  readonly refused: Refusal | undefined;
  readonly attempt: (how: { force?: boolean; reason?: string }) => Promise<void>;
  readonly dismiss: () => void;
}

/** Signing out, which the hub may refuse while the instrument runs. */
export function useSignOut(leave: BeamlineProps['leave']): Out {
  const confirmed = useConfirmed();
  const [refused, setRefused] = useState<Refusal>();
  const attempt = useCallback<Out['attempt']>(
    async (how) => {
      setRefused(undefined);
      try {
        await confirmed(() => leave(how));
      } catch (err) {
        const { code, detail, more } =
          err instanceof BatonError ? err : new BatonError({ code: 'invalid', detail: String(err) });
        if (code !== 'cancelled')
          setRefused({ detail, busy: code === 'busy', mayForce: more.may_force === true });
      }
    },
    [confirmed, leave],
  );
  const dismiss = useCallback(() => setRefused(undefined), []);
  return { refused, attempt, dismiss };
}

/** Says why somebody was not signed out, and lets staff do it all the same. */
export function SignOut({ out: { refused, attempt, dismiss } }: { readonly out: Out }) {
  const title = refused?.busy ? 'Not while the beamline runs' : 'You are still signed in';
  const force = refused?.busy === true && refused.mayForce;
  return (
    <>
      <ReasonDialog
        opened={refused !== undefined && force}
        close={dismiss}
        title={title}
        explain={`${refused?.detail ?? ''} As staff you may sign out anyway: nobody watches it then. Your reason is kept in the journal.`}
        label="Reason"
        confirm="Sign out anyway"
        color="orange.8"
        required
        onConfirm={(reason) => void attempt({ force: true, reason })}
      />
      <Modal
        opened={refused !== undefined && !force}
        onClose={dismiss}
        title={title}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <Stack gap="md">
          <Text size="sm">{refused?.detail}</Text>
          {refused?.busy && (
            <Text size="sm" c="dimmed">
              Wait until it has ended, or stop it, and sign out then. Closing the page does not sign you out.
            </Text>
          )}
          <Group justify="flex-end">
            <Button size="sm" variant="default" onClick={dismiss} data-autofocus>
              Close
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
