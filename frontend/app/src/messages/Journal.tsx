import type { LogMessage } from '@baton/client';
import { useLog, useWelcome } from '@baton/react';
import { ActionIcon, CloseButton, SegmentedControl, TextInput, Tooltip } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconDownload, IconSearch } from '@tabler/icons-react';
import { useMemo } from 'react';
import { type JournalRecord, journal } from '../beamline.ts';
import { isMove } from '../control/useControlNews.ts';
import { moment, second } from '../format.ts';
import { usePlace } from '../memory/place.ts';
import { useUi } from '../parts/useUi.ts';
import { details } from './details.ts';
import { MessageList } from './MessageList.tsx';
import classes from './Messages.module.css';
import { tell } from './tell.ts';

const kinds = ['all', 'control', 'commands'] as const;

/** Where the panel's head has room for it; otherwise it has a line of its own. */
export function useWide(): boolean {
  return useMediaQuery('(min-width: 1181px), (min-width: 701px) and (max-width: 900px)', true) === true;
}

export function useFilter() {
  const [kind, setKind] = useUi('journal', kinds, 'all');
  const [find, setFind] = usePlace('find in journal');
  return { kind, setKind, find, setFind };
}

export type Filter = ReturnType<typeof useFilter>;

/** What to show of the journal, and all of it as a file. */
export function JournalFilter({ filter: { kind, setKind, find, setFind } }: { readonly filter: Filter }) {
  const space = useWelcome()?.space ?? '';
  return (
    <div className={classes.filter}>
      <SegmentedControl
        size="xs"
        aria-label="Show in the journal"
        value={kind}
        onChange={(value) => setKind(kinds.find((one) => one === value) ?? 'all')}
        data={[
          { value: 'all', label: 'All' },
          { value: 'control', label: 'Control' },
          { value: 'commands', label: 'Commands' },
        ]}
      />
      <TextInput
        aria-label="Find in the journal"
        placeholder="Find"
        className={classes.find}
        leftSection={<IconSearch size={14} />}
        value={find}
        onChange={(event) => setFind(event.currentTarget.value)}
        rightSection={
          find === '' ? null : <CloseButton size="xs" aria-label="Clear" onClick={() => setFind('')} />
        }
      />
      <Tooltip label="Export the journal (NDJSON)">
        <ActionIcon
          component="a"
          href={`/api/v1/spaces/${encodeURIComponent(space)}/export?channels=${journal.name}`}
          download={`${space}-journal.ndjson`}
          aria-label="Export the journal"
        >
          <IconDownload size={16} />
        </ActionIcon>
      </Tooltip>
    </div>
  );
}

/** Who drove when, who asked, who was denied and why, and every command. It cannot be edited. */
export function Journal({ filter }: { readonly filter: Filter }) {
  const view = useLog(journal);
  const wide = useWide();
  const { kind, find } = filter;
  const messages = useMemo(
    () => view.messages.filter(({ data }) => ofKind(data, kind) && has(data, find)),
    [view, kind, find],
  );
  return (
    <>
      {!wide && <JournalFilter filter={filter} />}
      <MessageList
        label="Control journal"
        empty={view.messages.length === 0 ? 'Nobody has taken control yet.' : 'Nothing like that.'}
        view={view}
        messages={messages}
        render={(message) => <Row message={message} />}
      />
    </>
  );
}

function Row({ message: { at, data } }: { readonly message: LogMessage<JournalRecord> }) {
  return (
    <details
      className={classes.record}
      onToggle={({ currentTarget: row }) => row.open && row.scrollIntoView({ block: 'nearest' })}
    >
      <summary className={classes.summary}>
        <time className={classes.time} dateTime={at}>
          {second(at)}
        </time>
        <span className={classes.term} title="Term: grows each time the operator changes">
          {data.term === undefined || data.term === 0 ? '' : `#${data.term}`}
        </span>
        <span className={classes.text}>{tell(data)}</span>
      </summary>
      <dl className={classes.details}>
        {details(data, moment(at)).map(([word, value]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function ofKind(record: JournalRecord, kind: (typeof kinds)[number]): boolean {
  return kind === 'all' || isMove(record) === (kind === 'control');
}

function has(record: JournalRecord, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return true;
  return `${tell(record)} ${record.user ?? ''} ${record.from ?? ''}`.toLowerCase().includes(wanted);
}
