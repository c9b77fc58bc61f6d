import { BatonError, signOut } from '@baton/client';

/**
 * Signs out, and returns what to say at the door. Rejects if the hub says no: the person is then still signed in. A hub
 * that cannot write it down has signed this browser out all the same.
 */
export async function signOutHere(how: { force?: boolean; reason?: string }): Promise<string> {
  try {
    await signOut(how);
    return 'You have signed out.';
  } catch (err) {
    if (!(err instanceof BatonError && err.status === 503)) throw err;
    return 'This browser has signed out; the hub will confirm it when its records are back.';
  }
}
