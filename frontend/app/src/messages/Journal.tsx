import { useLog } from '@baton/react';
import { type JournalRecord, journal } from '../beamline.ts';
import { clock } from '../format.ts';
import { MessageList } from './MessageList.tsx';
import classes from './Messages.module.css';

/** Who drove when, who asked, who was denied and why, and every command. It cannot be edited. */
export function Journal() {
  const view = useLog(journal);
  return (
    <MessageList
      label="Control journal"
      empty="Nobody has taken control yet."
      view={view}
      render={({ at, data }) => (
        <>
          <time className={classes.time} dateTime={at}>
            {clock(at)}
          </time>
          <span className={classes.term} title="Term: grows each time the operator changes">
            {data.term === undefined || data.term === 0 ? '' : `#${data.term}`}
          </span>
          <span className={classes.text}>{tell(data)}</span>
        </>
      )}
    />
  );
}

/** A record as a sentence. */
export function tell(record: JournalRecord): string {
  const who = record.name ?? record.user ?? 'Somebody';
  const to = record.to?.name ?? 'somebody';
  const was = record.was?.name;
  const why = [record.message, record.reason]
    .filter(Boolean)
    .map((text) => `: “${text}”`)
    .join('');
  switch (record.do) {
    case 'request':
      return record.result === 'seated'
        ? `${who} took the vacant seat${why}`
        : `${who} asked for control${why}`;
    case 'cancel':
      return `${who} withdrew the request`;
    case 'grant':
      return `${who} granted control to ${to}`;
    case 'deny':
      return `${who} denied ${to}${why}`;
    case 'give':
      return `${who} gave control to ${to}`;
    case 'release':
      return `${who} released control`;
    case 'take':
      return `${who} took control${was === undefined ? '' : ` from ${was}`}${why}`;
    case 'lost':
      return `The connection of ${was ?? to} was lost`;
    case 'back':
      return `${was ?? to} came back`;
    case 'expired':
      return `${was ?? 'The operator'} did not come back; the seat is vacant`;
    case 'ended':
      return `${to} signed out${record.result === 'vacant' ? '; the seat is vacant' : ''}`;
    case 'stop':
      return `${who} stopped: ${record.command ?? ''}`;
    case 'call':
      return `${who} called ${record.command ?? ''}${record.result ? `, ${record.result}` : ''}${why}`;
    default:
      return [who, record.do, record.command, record.result].filter(Boolean).join(' ') + why;
  }
}
