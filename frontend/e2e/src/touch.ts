import type { Page } from 'playwright-core';

/** What a finger needs, in CSS pixels. */
const side = 44;

/** What can be pressed and is smaller than a finger. Links within sentences are as high as their line, as WCAG allows. */
export function tooSmall(page: Page): Promise<string[]> {
  return page.evaluate((least) => {
    const pressable =
      'button, a[href], input, textarea, select, summary, [role=tab], [role=menuitem], [role=checkbox]';
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>(pressable)) {
      // The label of a hidden input is what is pressed.
      const input = element instanceof HTMLInputElement && ['radio', 'checkbox'].includes(element.type);
      const target = (input && element.labels?.[0]) || element;
      const { width, height } = target.getBoundingClientRect();
      if (width < 2 || height < 2 || !target.checkVisibility({ visibilityProperty: true })) continue;
      if (element.matches('p a, [aria-hidden] *, [tabindex="-1"]:not([role=tab], [role=menuitem])')) continue;
      if (width < least - 0.5 || height < least - 0.5)
        found.push(
          `${Math.round(width)}×${Math.round(height)}: ${element.ariaLabel || element.textContent || element.outerHTML.slice(0, 120)}`,
        );
    }
    return found;
  }, side);
}

/** What makes the page wider than the window, or is cut off by its edge. */
export function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const root = document.scrollingElement;
    if (root && root.scrollWidth > root.clientWidth) return [`the page is ${root.scrollWidth} px wide`];
    return [...document.querySelectorAll<HTMLElement>('button, a[href], input, h1, h2')]
      .filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 1 && element.checkVisibility() && (left < -1 || right > innerWidth + 1);
      })
      .map((element) => `beyond the edge: ${element.ariaLabel || element.textContent}`);
  });
}
