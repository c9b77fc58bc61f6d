import { Badge, Text } from '@mantine/core';
import { IconCircle, IconCircleDot, IconLoader2 } from '@tabler/icons-react';
import { setShutter } from '../beamline.ts';
import { words } from '../format.ts';
import { way } from '../glance/Glance.tsx';
import { GuardedButton } from '../parts/Guarded.tsx';
import { MarkIcon, MarkLine } from '../parts/Mark.tsx';
import { useCall } from '../parts/useAct.ts';
import classes from './Equipment.module.css';
import { useNamed, useNames } from './read.ts';

export function Shutters() {
  return useNames('shutter/', way).map((name) => <ShutterRow key={name} name={name} />);
}

const looks = {
  open: { color: 'green', icon: IconCircleDot },
  closed: { color: 'gray', icon: IconCircle },
  moving: { color: 'yellow', icon: IconLoader2 },
};

function ShutterRow({ name }: { readonly name: string }) {
  const shutter = useNamed('shutter/', name);
  const { mark, call } = useCall(setShutter);
  if (shutter === undefined) return null;
  const label = words(shutter.label);
  const { color, icon: Icon } = looks[shutter.value];
  const next = shutter.value === 'open' ? 'closed' : 'open';
  return (
    <fieldset className="plain" aria-label={label}>
      <div className={classes.row}>
        <Text size="sm" className={classes.label} truncate>
          {label}
        </Text>
        <MarkIcon mark={mark?.kind === 'saving' ? mark : undefined} />
        <Badge color={color} leftSection={<Icon size={12} aria-hidden />}>
          {shutter.value}
        </Badge>
        <GuardedButton
          variant="default"
          size="compact-sm"
          w={64}
          aria-label={`${next === 'open' ? 'Open' : 'Close'} ${label}`}
          unless={shutter.value === 'moving' ? 'It is moving.' : undefined}
          onClick={() => void call({ shutter: name, value: next })}
        >
          {next === 'open' ? 'Open' : 'Close'}
        </GuardedButton>
      </div>
      <MarkLine mark={mark} />
    </fieldset>
  );
}
