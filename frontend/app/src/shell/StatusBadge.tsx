import type { Status } from '@baton/client';
import { useStatus } from '@baton/react';
import { Badge } from '@mantine/core';
import { IconCircleFilled, IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';

const words: Record<Status, { text: string; color: string; icon: typeof IconRefresh }> = {
  live: { text: 'Live', color: 'green', icon: IconCircleFilled },
  'catching-up': { text: 'Catching up', color: 'yellow', icon: IconRefresh },
  connecting: { text: 'Connecting', color: 'orange', icon: IconPlugConnectedX },
  stale: { text: 'Stale', color: 'orange', icon: IconPlugConnectedX },
  'signed-out': { text: 'Signed out', color: 'red', icon: IconPlugConnectedX },
  replaced: { text: 'Replaced', color: 'red', icon: IconPlugConnectedX },
  ended: { text: 'Ended', color: 'red', icon: IconPlugConnectedX },
};

/** How the page stands to the hub, in one word. */
export function StatusBadge() {
  const { text, color, icon: Icon } = words[useStatus()];
  return (
    <Badge
      color={color}
      size="md"
      role="status"
      aria-label={`Connection: ${text}`}
      leftSection={<Icon size={text === 'Live' ? 8 : 12} aria-hidden />}
      style={{ flex: 'none' }}
    >
      {text}
    </Badge>
  );
}
