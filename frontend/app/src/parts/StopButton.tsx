import type { CommandDef } from '@baton/client';
import { useStatus } from '@baton/react';
import { Button, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconCheck, IconPlayerStopFilled } from '@tabler/icons-react';
import { MarkIcon } from './Mark.tsx';
import { type Stop, useStop } from './useStop.ts';

interface Look {
  readonly label: string;
  /** The one that stops everything: in the page, and smaller in the head of a dialog. */
  readonly prominent?: 'page' | 'dialog';
  /** The keys that do it too: "Shift+F8". */
  readonly keys?: string;
}

/** Stops one thing, or all of one kind. */
export function StopButton<Args>({
  def,
  args,
  ...look
}: Look & { readonly def: CommandDef<Args, unknown>; readonly args: Args }) {
  return <StopPress stop={useStop(def, args)} {...look} />;
}

/**
 * A stop: never disabled, for nobody, whoever is in control, and it can be pressed again while it is on its way. A stop
 * that could not be sent says so at once: somebody may have to stop things by other means. One that was sent says that.
 */
export function StopPress({ stop, label, prominent, keys }: Look & { readonly stop: Stop }) {
  const connected = useStatus() !== 'connecting';
  const { mark, sent, press } = stop;
  const large = prominent === 'page';
  return (
    <>
      {mark?.kind === 'saving' && !connected ? (
        <Text size="xs" fw={600} c="red" role="alert">
          Not sent: no connection
        </Text>
      ) : (
        <MarkIcon mark={mark} />
      )}
      <VisuallyHidden role="status">{sent ? `${label}: sent.` : ''}</VisuallyHidden>
      <Tooltip
        label={`Everybody may stop, whoever is in control.${keys ? ` ${keys} does it from anywhere, in a dialog too.` : ''}`}
        multiline
        maw={280}
      >
        <Button
          size={large ? 'sm' : 'compact-sm'}
          variant={prominent ? 'filled' : 'light'}
          color={prominent ? 'red.8' : 'red'}
          leftSection={
            sent ? (
              <IconCheck size={large ? 18 : 14} stroke={3} />
            ) : (
              <IconPlayerStopFilled size={large ? 18 : 14} />
            )
          }
          aria-keyshortcuts={keys}
          onClick={press}
        >
          {label}
        </Button>
      </Tooltip>
    </>
  );
}
