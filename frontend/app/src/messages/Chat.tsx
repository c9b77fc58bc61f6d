import { useBaton, useLog, useStatus, useYou } from '@baton/react';
import { TextInput } from '@mantine/core';
import { IconSend2 } from '@tabler/icons-react';
import { useState } from 'react';
import { chat } from '../beamline.ts';
import { moment, second } from '../format.ts';
import { useWaiting } from '../memory/useKept.ts';
import { GuardedIcon } from '../parts/Guarded.tsx';
import { MarkIcon, MarkLine } from '../parts/Mark.tsx';
import { isStale } from '../parts/Panel.tsx';
import { useAct } from '../parts/useAct.ts';
import type { Guard } from '../parts/useGuard.ts';
import { MessageList } from './MessageList.tsx';
import classes from './Messages.module.css';

/** People talk; observers too. What is said without the hub is shown as waiting, and said when it is back. */
export function Chat() {
  const view = useLog(chat);
  const unsaid = useUnsaid();
  return (
    <>
      <MessageList
        label="Chat"
        empty="Nobody has said anything yet."
        view={view}
        render={({ at, by, data }) => (
          <>
            <time className={classes.time} dateTime={at} title={moment(at)}>
              {second(at)}
            </time>
            <b className={classes.source}>{by}</b>
            <span className={classes.text}>{data.text}</span>
          </>
        )}
        after={unsaid.length > 0 && unsaid.map((one) => <Unsaid key={one.op} {...one} />)}
      />
      <Say />
    </>
  );
}

interface Waits {
  readonly op: string;
  readonly at: string;
  readonly text: string;
}

/** What this person has said that waits for the hub; what is answered in a moment is not worth telling. */
function useUnsaid(): readonly Waits[] {
  const waiting = useWaiting();
  if (!isStale(useStatus())) return [];
  return waiting.flatMap(({ op, at, change }) =>
    change.type === 'append' && change.channel === chat.name
      ? [{ op, at: new Date(at).toISOString(), text: (change.data as { text: string }).text }]
      : [],
  );
}

function Unsaid({ at, text }: Waits) {
  return (
    <div className={classes.message} data-waits>
      <time className={classes.time} dateTime={at} title={moment(at)}>
        {second(at)}
      </time>
      <b className={classes.source}>{useYou()?.user}</b>
      <span className={classes.text}>
        {text} <span className={classes.waits}>waits for the hub</span>
      </span>
    </div>
  );
}

function Say() {
  const baton = useBaton();
  const stale = isStale(useStatus());
  const { mark, attempt } = useAct();
  const [text, setText] = useState('');
  const say = async () => {
    const said = text.trim();
    if (said === '') return;
    setText('');
    // What was refused is given back to be changed, unless something else was begun.
    if (!(await attempt(() => baton.log(chat).append({ text: said })))) setText((now) => now || said);
  };
  return (
    <form
      className={classes.say}
      onSubmit={(event) => {
        event.preventDefault();
        void say();
      }}
    >
      <MarkLine mark={mark} />
      <TextInput
        aria-label="Message"
        placeholder="Write to everybody here"
        value={text}
        maxLength={2000}
        onChange={(event) => setText(event.currentTarget.value)}
        rightSection={
          mark?.kind === 'saving' && !stale ? (
            <MarkIcon mark={mark} />
          ) : (
            <GuardedIcon
              guard={anybody}
              size={24}
              label="Send"
              unless={text.trim() === '' ? 'Write something first.' : undefined}
              onClick={() => void say()}
            >
              <IconSend2 size={16} />
            </GuardedIcon>
          )
        }
      />
    </form>
  );
}

const anybody: Guard = { may: true };
