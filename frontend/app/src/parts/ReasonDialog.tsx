import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useState } from 'react';
import { Dialog } from './Dialog.tsx';

interface Props {
  readonly opened: boolean;
  readonly close: () => void;
  readonly title: string;
  readonly explain: string;
  /** Name of the text field. */
  readonly label: string;
  /** Word on the button. */
  readonly confirm: string;
  readonly color?: string;
  readonly required?: boolean;
  readonly onConfirm: (text: string) => void;
}

/** Asks for a sentence before doing something to somebody: a message, a reason. */
export function ReasonDialog({ opened, close, title, ...rest }: Props) {
  return (
    <Dialog opened={opened} close={close} title={title}>
      <Form close={close} {...rest} />
    </Dialog>
  );
}

/** Mounted anew each time the dialog opens, so it starts empty. */
function Form({
  close,
  explain,
  label,
  confirm,
  color,
  required,
  onConfirm,
}: Omit<Props, 'opened' | 'title'>) {
  const [text, setText] = useState('');
  const missing = required === true && text.trim() === '';
  const submit = () => {
    if (missing) return;
    onConfirm(text.trim());
    close();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {explain}
        </Text>
        <Textarea
          data-autofocus
          label={label}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          autosize
          minRows={2}
          maxRows={6}
          maxLength={400}
          withAsterisk={required === true}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey) return;
            event.preventDefault();
            submit();
          }}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="sm" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" size="sm" disabled={missing} {...(color === undefined ? {} : { color })}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
