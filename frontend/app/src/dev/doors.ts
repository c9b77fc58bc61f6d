/** The states of the sign-in page that are worth looking at: dev.html?door=<name>. */

import type { Answers } from './fakeHub.ts';
import { chrome, loginSession } from './fakeHub.ts';

const spaces = {
  title: 'Macromolecular crystallography',
  spaces: [
    { name: 'demo', title: 'Demo beamline' },
    { name: 'i04', title: 'I04' },
  ],
};
const providers = [
  { name: 'uni', title: 'your institute (eduGAIN)' },
  { name: 'orcid', title: 'ORCID' },
];

export const elsewhere = {
  code: 'signed_in_elsewhere',
  detail: 'You are signed in elsewhere.',
  sessions: [loginSession({ in_control: true }), loginSession({ session: 's2', agent: chrome, tabs: 0 })],
  may: ['replace'],
};

const long = 'Maria-Magdalena von Hohenstaufen-Oberkirchner-Villanueva y Gutiérrez de la Concepción';
const proposals = ['mx-2451', 'mx-2477', 'lb13385-4', 'cm33866-1'];

function door(answer: { status?: number; body?: unknown; headers?: Record<string, string> }): Answers {
  return { 'GET spaces': { body: { ...spaces, providers } }, 'POST session': answer };
}

export const doors: Readonly<Record<string, Answers>> = {
  plain: { 'GET spaces': { body: { ...spaces, dev_users: ['alice', 'bob', 'sam'] } } },
  providers: door({}),
  wrong: door({ status: 401, body: { code: 'wrong_credentials', detail: 'Wrong.' } }),
  taken: door({
    status: 409,
    body: {
      code: 'seat_taken',
      detail: 'Taken.',
      holder: { user: 'alice', name: 'Alice Moreau' },
      since: new Date(Date.now() - 40 * 60_000).toISOString(),
    },
  }),
  proposals: door({ status: 409, body: { code: 'choose_proposal', detail: 'Choose.', proposals } }),
  throttled: door({
    status: 429,
    body: { code: 'throttled', detail: 'Too many sign-ins with wrong passwords from this address.' },
    headers: { 'Retry-After': '47' },
  }),
  elsewhere: door({ status: 409, body: elsewhere }),
  kept: door({ status: 409, body: { ...elsewhere, may: [] } }),
  unreachable: {},
  silent: { 'GET spaces': { silent: true } },
  long: {
    'GET spaces': {
      body: {
        title: `Macromolecular crystallography of ${long}`,
        spaces: Array.from({ length: 40 }, (_, i) => ({ name: `bl${i}`, title: `${long} ${i}` })),
        providers: [{ name: 'uni', title: long }],
        dev_users: ['alice', 'bob', 'sam', 'ada', long.replaceAll(' ', '-').toLowerCase()],
      },
    },
    'POST session': {
      status: 409,
      body: {
        code: 'seat_taken',
        detail: 'Taken.',
        holder: { user: 'm', name: long },
        since: new Date().toISOString(),
      },
    },
  },
};
