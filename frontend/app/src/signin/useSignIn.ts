import { BatonError, type Credentials, type SignedIn, signIn } from '@baton/client';
import type { LoginSession } from '@baton/client/session';
import { useCallback, useRef, useState } from 'react';
import { type Problem, problem } from './problem.ts';

/** How a sign-in stands. What was typed is the form's. */
export type Attempt =
  | { readonly is: 'open'; readonly refused?: Problem }
  | { readonly is: 'asking' }
  /** One person, more than one proposal. */
  | { readonly is: 'choosing'; readonly proposals: readonly string[] }
  /** The person is signed in elsewhere, and may replace that or not. */
  | { readonly is: 'elsewhere'; readonly sessions: readonly LoginSession[]; readonly may: boolean };

/** Signs in; a refusal that is a question is answered by asking again with more. */
export function useSignIn(entered: (who: SignedIn) => void, first: Problem | undefined) {
  const [attempt, setAttempt] = useState<Attempt>({ is: 'open', ...(first && { refused: first }) });
  const last = useRef<Credentials>(undefined);
  const enter = useCallback(
    async (credentials: Credentials) => {
      last.current = credentials;
      setAttempt({ is: 'asking' });
      try {
        entered(await signIn(credentials));
      } catch (err) {
        setAttempt(answer(err));
      }
    },
    [entered],
  );
  const replace = useCallback(() => {
    if (last.current !== undefined) void enter({ ...last.current, replace: true });
  }, [enter]);
  const refuse = useCallback((why: Problem | undefined) => {
    setAttempt({ is: 'open', ...(why && { refused: why }) });
  }, []);
  return { attempt, enter, replace, refuse };
}

function answer(err: unknown): Attempt {
  if (err instanceof BatonError && err.code === 'choose_proposal') {
    return { is: 'choosing', proposals: list<string>(err.more.proposals) };
  }
  if (err instanceof BatonError && err.code === 'signed_in_elsewhere') {
    const sessions = list<LoginSession>(err.more.sessions);
    return { is: 'elsewhere', sessions, may: list(err.more.may).includes('replace') };
  }
  return { is: 'open', refused: problem(err) };
}

function list<T>(value: unknown): readonly T[] {
  return Array.isArray(value) ? value : [];
}
