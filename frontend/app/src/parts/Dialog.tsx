import { Group, Modal, type ModalRootProps } from '@mantine/core';
import { createContext, type ReactNode, useContext } from 'react';
import classes from './Dialog.module.css';

/** What stands in the head of every dialog: a dialog covers the page, and with it what has to be reached at all times. */
export const DialogHead = createContext<ReactNode>(null);

interface Props extends Pick<ModalRootProps, 'opened' | 'size' | 'fullScreen'> {
  readonly title: string;
  /** Without it, only what is in the dialog closes it. */
  readonly close?: () => void;
  /** Name of the cross. */
  readonly crossed?: string;
  readonly children: ReactNode;
}

/** Every dialog of the app is this one; biome.json keeps others from being made. */
export function Dialog({ title, close, crossed = 'Close', children, ...root }: Props) {
  const head = useContext(DialogHead);
  return (
    <Modal.Root
      {...root}
      onClose={close ?? nothing}
      closeOnEscape={close !== undefined}
      closeOnClickOutside={close !== undefined}
      centered
    >
      {/* What runs stays in sight behind it. */}
      <Modal.Overlay backgroundOpacity={0.4} />
      <Modal.Content radius={root.fullScreen ? 0 : 'md'}>
        {/* The head of a dialog is no head of the page. */}
        <Modal.Header role="presentation" className={classes.head}>
          <Modal.Title className={classes.title}>{title}</Modal.Title>
          <Group gap="xs" wrap="nowrap" ml="auto">
            {head}
            {close && <Modal.CloseButton aria-label={crossed} />}
          </Group>
        </Modal.Header>
        <Modal.Body>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function nothing() {}
