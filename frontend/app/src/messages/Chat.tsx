import { useBaton, useLog } from '@baton/react';
import { TextInput } from '@mantine/core';
import { IconSend2 } from '@tabler/icons-react';
import { useState } from 'react';
import { chat } from '../beamline.ts';
import { moment, second } from '../format.ts';
import { GuardedIcon } from '../parts/Guarded.tsx';
import { MarkIcon, MarkLine } from '../parts/Mark.tsx';
import { useAct } from '../parts/useAct.ts';
import { useConnected } from '../parts/useGuard.ts';
import { MessageList } from './MessageList.tsx';
import classes from './Messages.module.css';

/** People talk; observers too. */
export function Chat() {
  const view = useLog(chat);
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
      />
      <Say />
    </>
  );
}

function Say() {
  const baton = useBaton();
  const guard = useConnected();
  const { mark, attempt } = useAct();
  const [text, setText] = useState('');
  const say = async () => {
    const said = text.trim();
    if (said === '' || !guard.may) return;
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
          mark?.kind === 'saving' ? (
            <MarkIcon mark={mark} />
          ) : (
            <GuardedIcon
              guard={guard}
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
