import { Button } from '@mantine/core';
import classes from './Screen.module.css';

const places = { equipment: 'devices', samples: 'samples', queue: 'queue', messages: 'messages' } as const;

/** For who has no mouse: ways past all that is before a part of the screen. They are seen when they have the focus. */
export function Skip() {
  return (
    <nav className={classes.skip} aria-label="Parts of the screen">
      {Object.entries(places).map(([id, name]) => (
        <Button
          key={id}
          variant="default"
          onClick={() => document.querySelector<HTMLElement>(`[data-part=${id}]`)?.focus()}
        >
          Go to the {name}
        </Button>
      ))}
    </nav>
  );
}
