import { useControl, useYou } from '@baton/react';
import { Box, Text, ThemeIcon } from '@mantine/core';
import {
  IconArmchairOff,
  IconEye,
  IconHelp,
  IconPlugConnectedX,
  IconSteeringWheel,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useMemory } from '../memory/useMemory.ts';
import { Since } from '../parts/Age.tsx';
import classes from './ControlBar.module.css';
import { Countdown } from './Countdown.tsx';
import type { SeatWord } from './useSeat.ts';

const icons = {
  unknown: IconHelp,
  mine: IconSteeringWheel,
  taken: IconEye,
  lost: IconPlugConnectedX,
  vacant: IconArmchairOff,
};

/** One sentence that says who is in control, and a smaller one that says what that means here. */
export function Seat({ seat }: { readonly seat: SeatWord }) {
  const Icon = icons[seat];
  const { headline, meaning } = useWords(seat);
  return (
    <div className={classes.seat}>
      <ThemeIcon variant="transparent" color="currentColor" size={30} aria-hidden>
        <Icon size={22} stroke={1.8} />
      </ThemeIcon>
      <Box miw={0}>
        <Text fz={17} fw={650} role="status" className={classes.headline}>
          {headline}
        </Text>
        <Text size="xs" className={classes.meaning}>
          {meaning}
        </Text>
      </Box>
      {seat === 'lost' && <Countdown />}
    </div>
  );
}

function useWords(seat: SeatWord): { headline: string; meaning: ReactNode } {
  const { operator, since } = useControl();
  const you = useYou();
  const memory = useMemory();
  if (seat === 'unknown') {
    return {
      headline: 'Asking who is in control',
      meaning: memory?.mine
        ? 'You were. What you change in the queue is kept, and done if you still are.'
        : 'The hub has not answered yet.',
    };
  }
  if (operator === null) {
    return { headline: 'Nobody is in control', meaning: 'Take the seat to change anything.' };
  }
  if (seat === 'mine') {
    return { headline: 'You are in control', meaning: <Since at={since} /> };
  }
  const self = operator.user === you?.user;
  const who = self ? 'You, on another computer,' : operator.name;
  const verb = self ? 'are' : 'is';
  if (seat === 'lost') {
    return {
      headline: self ? 'Your other computer’s connection is lost' : `${who}’s connection is lost`,
      meaning: 'The seat becomes free when the time is up.',
    };
  }
  return {
    headline: `${who} ${verb} in control`,
    meaning: (
      <>
        <Since at={since} />. You are watching.
      </>
    ),
  };
}
