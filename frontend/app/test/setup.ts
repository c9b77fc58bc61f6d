import { cleanup, configure } from '@testing-library/react';
import { afterEach, vi } from 'vitest';

afterEach(cleanup);

// Two cores shared with other tests: what is waited for may take its time; what never comes still fails.
configure({ asyncUtilTimeout: 30_000 });

// What Mantine asks of a browser and happy-dom does not have.
window.HTMLElement.prototype.scrollIntoView = () => undefined;
vi.stubGlobal(
  'ResizeObserver',
  class {
    observe() {}
    unobserve() {}
    disconnect() {}
  },
);

Object.defineProperty(document, 'fonts', { value: new EventTarget() });

// There is no hub, unless a test brings one.
globalThis.fetch = async () => {
  throw new TypeError('there is no network');
};
