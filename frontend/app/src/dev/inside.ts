import { type Answers, chrome, loginSession } from './fakeHub.ts';

const long = 'Maria-Magdalena von Hohenstaufen-Oberkirchner-Villanueva y Gutiérrez de la Concepción';

/** What a hub answers to somebody who is signed in. */
export const inside: Answers = {
  'GET spaces': {
    body: { title: '', spaces: [], providers: [{ name: 'uni', title: 'your institute (eduGAIN)' }] },
  },
  'GET sessions': {
    body: {
      sessions: [
        loginSession({ current: true, in_control: true }),
        loginSession({ session: 's2', agent: chrome, tabs: 0, proposal: 'mx-2451' }),
        loginSession({ session: 's3', user: 'm', name: long, agent: 'python-requests/2.31', tabs: 1 }),
      ],
      after: 's3',
      incomplete: true,
    },
  },
  'DELETE sessions/s2': { status: 204 },
  'POST session/confirm': { status: 401, body: { code: 'wrong_credentials', detail: 'Wrong password.' } },
  'POST session/active': { status: 204 },
};
