import { BatonError } from '@baton/client';
import { useWelcome } from '@baton/react';
import { useCallback, useEffect, useRef, useState } from 'react';

/** Asks the HTTP API of the space; rejects with what it says. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/${path}`, {
      method,
      cache: 'no-store',
      ...(body !== undefined && {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  } catch {
    throw new BatonError({ code: 'offline', detail: 'The hub cannot be reached. It is tried again.' });
  }
  const json: unknown = await response.json().catch(() => null);
  if (response.ok) return json as T;
  const { code, detail } = { ...(json as { code?: string; detail?: string } | null) };
  throw new BatonError({
    code: code ?? 'unavailable',
    detail: detail ?? `The hub answered ${response.status}.`,
    status: response.status,
  });
}

/** The path of something in the space that is shown. */
export function useSpacePath(): (rest: string) => string {
  const space = useWelcome()?.space ?? '';
  return useCallback((rest) => `spaces/${encodeURIComponent(space)}/${rest}`, [space]);
}

export interface Polled<T> {
  /** What was answered last; it stays while asking again fails. */
  readonly data: T | undefined;
  /** Why the last try failed. */
  readonly failed: string | undefined;
  readonly reload: () => void;
}

/** Asks now and then again after each pause, as long as somebody looks. */
export function usePolled<T>(path: string, pause: number): Polled<T> {
  const [state, setState] = useState<{ data?: T; failed?: string }>({});
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const look = async () => {
      clearTimeout(timer);
      try {
        const data = await ask<T>('GET', path);
        if (!over) setState({ data });
      } catch (err) {
        const failed = err instanceof Error ? err.message : String(err);
        if (!over) setState((before) => ({ ...before, failed }));
      }
      if (!over) timer = setTimeout(look, pause);
    };
    again.current = () => void look();
    setState({});
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [path, pause]);
  const reload = useCallback(() => again.current(), []);
  return { data: state.data, failed: state.failed, reload };
}
