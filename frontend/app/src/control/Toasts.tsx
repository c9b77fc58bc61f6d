import { useControl, useYou } from '@baton/react';
import { Notifications, notifications } from '@mantine/notifications';
import { IconHandStop, IconSteeringWheel } from '@tabler/icons-react';
import { useEffect } from 'react';
import type { JournalRecord } from '../beamline.ts';
import { plural } from '../format.ts';
import { tell } from '../messages/tell.ts';
import { notifyBrowser, useBell } from './bell.ts';
import { useControlNews } from './useControlNews.ts';

/** So many at once are told one by one. */
const few = 3;

/** Tells every tab of what others do about control, as it happens. What one does oneself is no news. */
export function Toasts() {
  const you = useYou();
  const { operator } = useControl();
  const bell = useBell();
  useControlNews((messages) => {
    const news = messages.map(({ data }) => data).filter((record) => record.session !== you?.session);
    if (news.length > few) {
      notifications.show({
        title: plural(news.length, 'change of control', 'changes of control'),
        message: `The last: ${tell(news.at(-1) ?? { do: '' })}`,
        icon: <IconSteeringWheel size={18} />,
        withBorder: true,
      });
    } else for (const record of news) toast(record);
    const asks = news.findLast(waits);
    if (asks !== undefined && bell.on && operator?.user === you?.user && document.hidden)
      notifyBrowser(`${asks.name ?? asks.user ?? 'Somebody'} asks for control`, asks.message ?? '');
  });
  // They are outside of the screen, and must not outlive it.
  useEffect(() => () => notifications.clean(), []);
  return <Notifications position="bottom-right" limit={few + 1} autoClose={8000} zIndex={400} />;
}

function waits(record: JournalRecord): boolean {
  return record.do === 'request' && record.result !== 'seated';
}

function toast(record: JournalRecord) {
  const asks = waits(record);
  notifications.show({
    message: tell(record),
    icon: asks ? <IconHandStop size={18} /> : <IconSteeringWheel size={18} />,
    color: asks ? 'yellow.7' : 'petrol',
    withBorder: true,
    closeButtonProps: { 'aria-label': 'Dismiss' },
    ...(asks && { autoClose: 20_000 }),
  });
}
