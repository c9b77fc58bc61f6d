import type { JournalRecord } from '../beamline.ts';

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
    case 'take': {
      const from = was === undefined ? '' : ` from ${was}`;
      return `${who} took control${from}${record.forced ? ' while the beamline ran' : ''}${why}`;
    }
    case 'lost':
      return `The connection of ${was ?? to} was lost`;
    case 'back':
      return `${was ?? to} came back`;
    case 'expired':
      return `${was ?? 'The operator'} did not come back; the seat is vacant`;
    case 'ended':
      return `${signedOut(record, to)}${record.result === 'vacant' ? '; the seat is vacant' : ''}${why}`;
    case 'stop':
      return `${who} stopped: ${record.command ?? ''}`;
    case 'call':
      return `${who} called ${record.command ?? ''}${record.result ? `, ${record.result}` : ''}${why}`;
    default:
      return [who, record.do, record.command, record.result].filter(Boolean).join(' ') + why;
  }
}

/** That somebody is signed out, and by whom if it was somebody else. */
function signedOut(record: JournalRecord, to: string): string {
  const anyway = record.forced ? ' while the beamline ran' : '';
  if (record.user === undefined || record.user === record.to?.user) return `${to} signed out${anyway}`;
  return `${record.name ?? record.user} signed ${to} out${anyway}`;
}
