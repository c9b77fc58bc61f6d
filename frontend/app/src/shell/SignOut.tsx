import { BatonError } from '@baton/client';
import { Button, Group, Stack, Text } from '@mantine/core';
import { useCallback, useState } from 'react';
import { said } from '../format.ts';
import { useConfirmed } from '../parts/Confirmation.tsx';
import { Dialog } from '../parts/Dialog.tsx';
import { ReasonDialog } from '../parts/ReasonDialog.tsx';
import { grave } from '../theme.ts';
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
  const [shown, setShown] = useState<Refusal>(); // stays while the dialog fades
  if (refused !== undefined && refused !== shown) setShown(refused);
  if (shown === undefined) return null;
  const { busy, mayForce } = shown;
  const opened = refused !== undefined;
  const title = busy ? 'Not while the beamline runs' : 'You are still signed in';
  const detail = said(shown.detail);
  if (busy && mayForce) {
    return (
      <ReasonDialog
        opened={opened}
        close={dismiss}
        title={title}
        explain={`${detail} Nobody watches it then.`}
        label="Reason"
        confirm="Sign out anyway"
        color={grave}
        required
        onConfirm={(reason) => void attempt({ force: true, reason })}
      />
    );
  }
  return (
    <Dialog opened={opened} close={dismiss} title={title}>
      <Stack gap="md">
        <Text size="sm">{detail}</Text>
        {busy && (
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
    </Dialog>
  );
}
