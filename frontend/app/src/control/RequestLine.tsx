import type { ControlRequest } from '@baton/client';
import { useBaton, useControl, useYou } from '@baton/react';
import { Badge, Group, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { plural } from '../format.ts';
import { Ago } from '../parts/Age.tsx';
import { GuardedButton } from '../parts/Guarded.tsx';
import { Person } from '../parts/Person.tsx';
import { ReasonDialog } from '../parts/ReasonDialog.tsx';
import type { Act } from '../parts/useAct.ts';
import classes from './ControlBar.module.css';

/** So many are seen without scrolling. */
const fits = 4;
/** So many of a line are shown, and one's own. */
const most = 20;

/** The line of those who ask for control, the first in line first. Everybody sees it; the operator answers. */
export function RequestLine({ act }: { readonly act: Act }) {
  const { requests } = useControl();
  const you = useYou()?.session;
  if (requests.length === 0) return null;
  return (
    <ol className={classes.line} aria-label="Requests for control">
      {requests.length > fits && (
        <Text component="li" size="xs" className={classes.meaning} aria-hidden>
          {plural(requests.length, 'request')}, the first in line first
        </Text>
      )}
      {requests.map(
        (request, i) =>
          (i < most || request.session === you) && (
            <Request key={request.id} request={request} place={i + 1} act={act} />
          ),
      )}
      {requests.length > most && (
        <Text component="li" size="xs" className={classes.meaning}>
          and {plural(requests.length - most, 'more', 'more')}
        </Text>
      )}
    </ol>
  );
}

function Request({
  request,
  place,
  act,
}: {
  readonly request: ControlRequest;
  readonly place: number;
  readonly act: Act;
}) {
  const { mine } = useControl();
  const own = useYou()?.session === request.session;
  return (
    <li className={classes.request} data-own={own || undefined}>
      <Badge circle variant="default" aria-hidden>
        {place}
      </Badge>
      <Person name={request.name} size={24} />
      <Text size="sm" className={classes.message}>
        <b>{own ? 'You' : request.name}</b> {own ? 'ask' : 'asks'} for control
        {request.message !== '' && <>: “{request.message}”</>}
      </Text>
      <Ago at={request.since} color="inherit" />
      {mine && <Answer request={request} act={act} />}
    </li>
  );
}

function Answer({ request, act }: { readonly request: ControlRequest; readonly act: Act }) {
  const { control } = useBaton();
  const [opened, dialog] = useDisclosure(false);
  return (
    <Group gap={6} wrap="nowrap">
      <GuardedButton size="compact-sm" onClick={() => void act.attempt(() => control.grant(request.id))}>
        Grant
      </GuardedButton>
      <GuardedButton size="compact-sm" variant="default" onClick={dialog.open}>
        Deny
      </GuardedButton>
      <ReasonDialog
        opened={opened}
        close={dialog.close}
        title={`Deny ${request.name}`}
        explain={`You stay in control. ${request.name} sees your reason.`}
        label="Reason"
        confirm="Deny"
        onConfirm={(reason) => void act.attempt(() => control.deny(request.id, reason))}
      />
    </Group>
  );
}
