import { SessionPage } from '../sessions/Sessions.tsx';
import { Page } from './Page.tsx';

export function LoginSessions() {
  return (
    <Page
      title="Login sessions"
      about="Who is signed in, from where. Ending one closes its tabs at once, on every node."
    >
      <SessionPage first="all" />
    </Page>
  );
}
