import { BatonError } from '@baton/client';
import { endSession, type LoginSession } from '@baton/client/session';
import { useYou } from '@baton/react';
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useConfirmed } from '../parts/Confirmation.tsx';
import { Dialog } from '../parts/Dialog.tsx';
import { MarkLine } from '../parts/Mark.tsx';
import { useAct } from '../parts/useAct.ts';
import { browserName } from './agent.ts';

interface Props {
  /** undefined: none is asked about. */
  readonly session: LoginSession | undefined;
  readonly close: () => void;
  readonly ended: (session: string) => void;
}

/** Asks before a login session is ended, for a reason if it is another person's. */
export function EndSession({ session, close, ended }: Props) {
  return (
    <Dialog opened={session !== undefined} close={close} title="End this login session?" crossed="Cancel">
      {session !== undefined && <Question session={session} close={close} ended={ended} />}
    </Dialog>
  );
}

function Question({ session, close, ended }: Props & { readonly session: LoginSession }) {
  const own = useYou()?.user === session.user;
  const { mark, busy, end } = useEnding(session.session);
  const [reason, setReason] = useState('');
  const missing = (!own || busy) && reason.trim() === '';
  const submit = async () => {
    if (missing || mark?.kind === 'saving' || !(await end(reason.trim()))) return;
    ended(session.session);
    close();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack gap="md">
        <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
          {own ? 'You are' : <b>{session.name || session.user}</b>}
          {own ? '' : ' is'} signed in there with {browserName(session.agent)}
          {session.from && ` at ${session.from}`}. Its tabs are closed at once
          {session.in_control && ', and the seat becomes free'}.
        </Text>
        {(!own || busy) && (
          <Textarea
            data-autofocus
            label="Reason"
            description={own ? undefined : 'They are told.'}
            withAsterisk
            autosize
            minRows={2}
            maxRows={6}
            maxLength={400}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        )}
        <MarkLine mark={mark} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" size="sm" color="red.8" disabled={missing} loading={mark?.kind === 'saving'}>
            {busy ? 'End it anyway' : 'End session'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Ends a login session. One that is `busy` is ended all the same when it is asked for again. */
function useEnding(session: string) {
  const confirmed = useConfirmed();
  const { mark, attempt } = useAct();
  const [busy, setBusy] = useState(false); // the hub wants it to be forced
  const end = (reason: string) =>
    attempt(async () => {
      try {
        const how = { ...(busy && { force: true }), ...(reason && { reason }) };
        await confirmed(() => endSession(session, how));
      } catch (err) {
        if (err instanceof BatonError && err.code === 'busy' && err.more.may_force === true) setBusy(true);
        throw err;
      }
    });
  return { mark, busy, end };
}
