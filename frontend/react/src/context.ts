import type { Baton } from '@baton/client';
import { createContext, createElement, type ReactNode, useContext } from 'react';

const Context = createContext<Baton | null>(null);

/** Gives a connection to the hooks below it. Make it outside of rendering, once per sign-in, and close it at the end. */
export function BatonProvider(props: { readonly baton: Baton; readonly children?: ReactNode }): ReactNode {
  return createElement(Context.Provider, { value: props.baton }, props.children);
}

/** The connection itself, to act without rendering again: useBaton().store(queue).set(…). */
export function useBaton(): Baton {
  const baton = useContext(Context);
  if (!baton) throw new Error('There is no <BatonProvider baton={connect()}> above this component.');
  return baton;
}
