// Whether the words of a page can be read, measured in the browser.
import type { Page } from "playwright-core";

/** WCAG 2.2 AA for text of ordinary size. */
const CONTRAST = 4.5;

const CONTRASTS = `() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *:not(svg *):not(option)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const style = getComputedStyle(element);
    const hidden = element.closest("[hidden], .unseen, .skip, dialog") !== null;
    if (!own || hidden || style.visibility === "hidden" || style.display === "none") continue;
    const [a, b] = [light(rgb(style.color)), light(behind(element))].sort((x, y) => y - x);
    found.push([element.className + " " + element.textContent.trim().slice(0, 30),
      Math.round(((a + 0.05) / (b + 0.05)) * 100) / 100]);
  }
  return found;
}`;

/**
 * Every visible text of the page outside of drawings with its contrast to what lies behind it, and
 * those among them that are too faint.
 */
export async function contrastsOf(page: Page): Promise<{
  readonly found: readonly (readonly [string, number])[];
  readonly faint: readonly (readonly [string, number])[];
}> {
  const found = (await page.evaluate(`(${CONTRASTS})()`)) as [string, number][];
  return { found, faint: found.filter(([, contrast]) => contrast < CONTRAST) };
}
