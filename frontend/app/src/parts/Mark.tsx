import { ActionIcon, Box, type BoxProps, Loader, Text, Tooltip, VisuallyHidden } from '@mantine/core';
import { IconAlertTriangleFilled, IconClockExclamation, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './Mark.module.css';

/**
 * What is to be known of a value besides the value: that it is on its way to the hub, that the hub refused it, or that
 * it may be out of date. Each has its own shape, icon and words, so that none depends on seeing colours.
 */
export type Mark =
  | { readonly kind: 'saving' }
  | {
      readonly kind: 'refused';
      /** Default "Refused". */
      readonly word?: string;
      readonly detail: string;
      readonly dismiss: () => void;
    }
  | { readonly kind: 'stale'; readonly detail: string };

/** Draws around its content what the mark says: dotted while saving, a bar when refused, dashed when stale. */
export function Marked({
  mark,
  children,
  ...box
}: BoxProps & { readonly mark: Mark | undefined; readonly children: ReactNode }) {
  return (
    <Box {...box} className={classes.marked} data-mark={mark?.kind}>
      {children}
      {mark?.kind === 'refused' && <MarkLine mark={mark} />}
    </Box>
  );
}

/** The mark as an icon with words for screen readers; the reason of a refusal has to be shown by a MarkLine. */
export function MarkIcon({ mark }: { readonly mark: Mark | undefined }) {
  if (mark === undefined) return null;
  if (mark.kind === 'saving') {
    return (
      <span className={classes.icon} role="status">
        <Loader size={12} color="gray" aria-hidden />
        <VisuallyHidden>Saving</VisuallyHidden>
      </span>
    );
  }
  const Icon = mark.kind === 'refused' ? IconAlertTriangleFilled : IconClockExclamation;
  return (
    <Tooltip label={mark.detail} multiline maw={320}>
      <span className={classes.icon} data-mark={mark.kind}>
        <Icon size={15} aria-hidden />
        <VisuallyHidden>{mark.kind === 'refused' ? (mark.word ?? 'Refused') : 'Stale'}</VisuallyHidden>
      </span>
    </Tooltip>
  );
}

/** A refusal in full, to be dismissed. Nothing for other marks. */
export function MarkLine({ mark }: { readonly mark: Mark | undefined }) {
  if (mark?.kind !== 'refused') return null;
  return (
    <div className={classes.line} role="alert">
      <IconAlertTriangleFilled size={14} className={classes.lineIcon} aria-hidden />
      <Text size="xs" flex={1} className={classes.detail}>
        <b>{mark.word ?? 'Refused'}:</b> {mark.detail}
      </Text>
      <ActionIcon size={20} color="red" onClick={mark.dismiss} aria-label="Dismiss">
        <IconX size={13} />
      </ActionIcon>
    </div>
  );
}
