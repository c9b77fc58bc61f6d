import { useLog } from '@baton/react';
import { SegmentedControl, VisuallyHidden } from '@mantine/core';
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react';
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

/** The lowest level to show. */
export function LevelFilter() {
  const [level, setLevel] = useLevel();
  return (
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
  );
}

/** What the beamline tells. */
export function LogList() {
  const view = useLog(log);
  const [level] = useLevel();
  const messages = useMemo(
    () => view.messages.filter(({ data }) => levels.indexOf(data.level) >= levels.indexOf(level)),
    [view, level],
  );
  return (
    <MessageList
      label="Log"
      empty={level === 'info' ? 'Nothing has happened yet.' : 'Nothing of this level.'}
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
