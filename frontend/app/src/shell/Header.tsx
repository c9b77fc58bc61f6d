import { useBaton, useValue, useWelcome } from '@baton/react';
import { ActionIcon, Text, Tooltip, useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react';
import { useEffect } from 'react';
import { ui } from '../beamline.ts';
import { BellButton } from '../control/BellButton.tsx';
import type { BeamlineProps } from './Beamline.tsx';
import { Logo } from './Logo.tsx';
import { People } from './People.tsx';
import classes from './Screen.module.css';
import { StatusBadge } from './StatusBadge.tsx';
import { UserMenu } from './UserMenu.tsx';

export function Header({ leave }: Pick<BeamlineProps, 'leave'>) {
  const title = useWelcome()?.title ?? '';
  return (
    <header className={classes.header}>
      <Logo size={26} />
      <Text component="h1" className={classes.title} truncate>
        {title}
      </Text>
      <StatusBadge />
      <div style={{ flex: 1 }} />
      <People />
      <BellButton />
      <SchemeButton />
      <UserMenu leave={leave} />
    </header>
  );
}

const schemes = ['auto', 'light', 'dark'] as const;
const schemeIcons = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon };
const schemeWords = { auto: 'as the system', light: 'light', dark: 'dark' };

/** Kept by the hub for all tabs, and by the browser (Mantine does that) for the time before the hub has answered. */
function SchemeButton() {
  const baton = useBaton();
  const stored = useValue(ui, 'scheme');
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const known = schemes.find((scheme) => scheme === stored);
  useEffect(() => {
    if (known !== undefined) setColorScheme(known);
  }, [known, setColorScheme]);
  const Icon = schemeIcons[colorScheme];
  const label = `Colours: ${schemeWords[colorScheme]}`;
  const choose = () => {
    const next = schemes[(schemes.indexOf(colorScheme) + 1) % schemes.length] ?? 'auto';
    setColorScheme(next);
    baton
      .store(ui)
      .set('scheme', next)
      .catch(() => undefined);
  };
  return (
    <Tooltip label={label}>
      <ActionIcon size={32} aria-label={label} onClick={choose}>
        <Icon size={18} />
      </ActionIcon>
    </Tooltip>
  );
}
