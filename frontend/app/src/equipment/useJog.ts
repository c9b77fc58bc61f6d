import { useBaton } from '@baton/react';
import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  useCallback,
  useEffect,
  useRef,
} from 'react';
import { jogMotor, jogs, stopMotor } from '../beamline.ts';
import type { Act } from '../parts/useAct.ts';
import { newKey } from '../queue/entries.ts';

/** A button that is held for so long is meant to be held; before that it is a press. */
const hold = 350;

/** How often the beamline is told that the button is still held. It stops when it hears nothing for five of these. */
const beat = 100;

/**
 * Moves a motor for as long as a button is held. The motor is stopped when the button is let go; and when this page, its
 * computer or the network stalls, the beamline hears nothing more and stops it by itself.
 */
export function useJog(motor: string, attempt: Act['attempt']): (direction: 1 | -1) => () => void {
  const baton = useBaton();
  return useCallback(
    (direction) => {
      const jog = newKey();
      const signal = baton.signal(jogs);
      const timer = setInterval(() => signal.send({ jog }), beat);
      let taken = false;
      let over = false;
      const stop = () => void baton.call(stopMotor, { motor }).catch(() => undefined);
      void attempt(async (accepted) => {
        const call = await baton.call(jogMotor, { motor, direction, jog });
        accepted();
        taken = true;
        if (over) stop(); // let go before it began
        await call.finished();
      }).finally(() => clearInterval(timer));
      return () => {
        if (over) return;
        over = true;
        clearInterval(timer);
        if (taken) stop();
      };
    },
    [baton, motor, attempt],
  );
}

/** What a button needs to tell a press, which is a step, from being held, by pointer and by keyboard. */
export function useHold(press: () => void, begin: () => () => void) {
  const state = useRef<{ timer?: ReturnType<typeof setTimeout>; end?: () => void; held: boolean }>({
    held: false,
  });
  const release = useCallback(() => {
    clearTimeout(state.current.timer);
    state.current.end?.();
    delete state.current.end;
  }, []);
  useEffect(() => {
    // Who looks away from the page does not hold its buttons.
    const away = () => document.hidden && release();
    document.addEventListener('visibilitychange', away);
    addEventListener('blur', release);
    return () => {
      document.removeEventListener('visibilitychange', away);
      removeEventListener('blur', release);
      release();
    };
  }, [release]);
  const start = () => {
    if (state.current.end) return;
    state.current.held = true;
    state.current.end = begin();
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      state.current.held = false;
      if (event.button !== 0) return;
      clearTimeout(state.current.timer);
      state.current.timer = setTimeout(start, hold);
    },
    onPointerUp: release,
    onPointerCancel: release,
    onPointerLeave: release,
    onBlur: release,
    onContextMenu: (event: MouseEvent) => event.preventDefault(), // a long touch is no question
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      if (!event.repeat) {
        state.current.held = false;
        return;
      }
      event.preventDefault();
      start();
    },
    onKeyUp: (event: KeyboardEvent) => {
      if (event.key === ' ' && state.current.held) event.preventDefault(); // it is no press then
      release();
    },
    onClick: () => {
      if (!state.current.held) press();
      state.current.held = false;
    },
  };
}
