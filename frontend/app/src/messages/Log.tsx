import { useLog } from '@baton/react';
import { CloseButton, SegmentedControl, TextInput, VisuallyHidden } from '@mantine/core';
import { IconAlertTriangle, IconCircleX, IconInfoCircle, IconSearch } from '@tabler/icons-react';
import { useMemo } from 'react';
import { type Level, log } from '../beamline.ts';
import { second } from '../format.ts';
import { useUi } from '../parts/useUi.ts';
import { MessageList } from './MessageList.tsx';
import classes from './Messages.module.css';

const levels: readonly Level[] = ['info', 'warning', 'error'];
const icons = { info: IconInfoCircle, warning: IconAlertTriangle, error: IconCircleX };

function useLevel() {
  return useUi<Level>('level', levels, 'info');
}

export type Find = readonly [text: string, set: (text: string) => void];

/** What to look for, and the lowest level to show. */
export function LogFilter({ find: [find, setFind] }: { readonly find: Find }) {
  const [level, setLevel] = useLevel();
  return (
    <div className={classes.filter}>
      <TextInput
        aria-label="Find in the log"
        placeholder="Find"
        className={classes.find}
        leftSection={<IconSearch size={14} />}
        value={find}
        onChange={(event) => setFind(event.currentTarget.value)}
        rightSection={
          find === '' ? null : <CloseButton size="xs" aria-label="Clear" onClick={() => setFind('')} />
        }
      />
      <SegmentedControl
        size="xs"
        aria-label="Show messages from level"
        value={level}
        onChange={(value) => setLevel(value as Level)}
        data={[
          { value: 'info', label: 'All' },
          { value: 'warning', label: 'Warnings' },
          { value: 'error', label: 'Errors' },
        ]}
      />
    </div>
  );
}

/** What the beamline tells. */
export function LogList({ find: [find] }: { readonly find: Find }) {
  const view = useLog(log);
  const [level] = useLevel();
  const messages = useMemo(() => {
    const wanted = find.trim().toLowerCase();
    return view.messages.filter(
      ({ data }) =>
        levels.indexOf(data.level) >= levels.indexOf(level) &&
        (wanted === '' || `${data.source} ${data.text}`.toLowerCase().includes(wanted)),
    );
  }, [view, level, find]);
  return (
    <MessageList
      label="Log"
      empty={view.messages.length === 0 ? 'Nothing has happened yet.' : 'Nothing like that.'}
      view={view}
      messages={messages}
      render={({ at, data }) => {
        const Icon = icons[data.level] ?? IconInfoCircle;
        return (
          <>
            <time className={classes.time} dateTime={at}>
              {second(at)}
            </time>
            <span className={classes.level} data-level={data.level}>
              <Icon size={14} aria-hidden />
              <VisuallyHidden>{data.level}</VisuallyHidden>
            </span>
            <span className={classes.source}>{data.source}</span>
            <span className={classes.text} data-level={data.level}>
              {data.text}
            </span>
          </>
        );
      }}
    />
  );
}
