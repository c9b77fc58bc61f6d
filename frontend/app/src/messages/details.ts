import type { JournalRecord, Party } from '../beamline.ts';

/** All that a record of the journal says, as words and values; what it does not say is left out. */
export function details(record: JournalRecord, at: string): [word: string, value: string][] {
  const all: [string, string | undefined][] = [
    ['When', at],
    ['Who', [record.name, record.user && `(${record.user})`].filter(Boolean).join(' ')],
    ['From', record.from],
    ['Login session', record.session],
    ['Term', record.term ? String(record.term) : ''],
    ['Before', party(record.was)],
    ['To', party(record.to)],
    ['Command', [record.command, record.call && `(call ${record.call})`].filter(Boolean).join(' ')],
    ['Result', record.result],
    ['Forced', record.forced ? 'although the beamline ran' : ''],
    ['Message', record.message],
    ['Reason', record.reason],
  ];
  return all.filter((one): one is [string, string] => one[1] !== undefined && one[1] !== '');
}

function party(one: Party | undefined): string | undefined {
  return one && `${one.name} (${one.user}), login session ${one.session}`;
}
