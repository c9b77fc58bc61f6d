import { useBaton, useControl, useLog, useValue, useYou } from '@baton/react';
import { CloseButton, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { type JournalRecord, journal, type Party, ui } from '../beamline.ts';
import { Ago } from '../parts/Age.tsx';
import classes from './ControlBar.module.css';

/** Tells somebody who was denied, or who lost control, by whom and why, until they dismiss it in one of their tabs. */
export function Notice() {
  const baton = useBaton();
  const you = useYou();
  const { mine, requests } = useControl();
  const { messages } = useLog(journal);
  const dismissed = Number(useValue(ui, 'notice') ?? 0);
  // What happened since then, being seated or in line again, has settled it.
  if (you === null || mine || requests.some(({ session }) => session === you.session)) return null;
  const last = messages.findLast(({ data }) => concerns(data, you.session));
  const text = last && notice(last.data, you.session);
  if (last === undefined || text === undefined || last.position <= dismissed) return null;
  return (
    <div className={classes.notice} role="status">
      <IconInfoCircle size={17} aria-hidden />
      <Text size="sm" className={classes.message}>
        {text}
      </Text>
      <Ago at={last.at} color="inherit" />
      <CloseButton
        size="sm"
        aria-label="Dismiss notice"
        onClick={() =>
          void baton
            .store(ui)
            .set('notice', String(last.position))
            .catch(() => undefined)
        }
      />
    </div>
  );
}

/** Whether a record says what became of the control, or of the request, of a login session. */
function concerns(record: JournalRecord, session: string): boolean {
  if (record.do === 'call' || record.do === 'stop') return false;
  const parties: readonly (Party | undefined)[] = [record.was, record.to];
  return record.session === session || parties.some((party) => party?.session === session);
}

/** A sentence for who was denied or lost control without wishing to; undefined for everything else. */
export function notice(record: JournalRecord, session: string): string | undefined {
  const who = record.name ?? 'Somebody';
  const why = record.reason ? `: “${record.reason}”` : '.';
  if (record.do === 'deny' && record.to?.session === session)
    return `${who} denied your request for control${why}`;
  if (record.was?.session !== session) return undefined;
  if (record.do === 'take') return `${who} took control from you${why}`;
  if (record.do === 'expired') return 'Your connection was lost for too long, so the seat became free.';
  return undefined;
}
