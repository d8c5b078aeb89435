// A time-space diagram as SVG: time from left to right, the street from bottom to top; at each
// junction when it is red, and the bands of those who drive through. Pure.
import type { GreenWindow } from "../core/coordination/bandwidth.ts";
import { modulo } from "../core/site/plan.ts";
import type { StreetBands } from "./street-bands.ts";

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [960, 560, 120, 60, 50];
const RIGHT = 32;
/** Cycles shown. */
const CYCLES = 3;
const BAR = 5;
/** Dark enough on white, told apart by everybody: Okabe and Ito's blue and vermilion. */
const [AHEAD, BACK, RED] = ["#0072b2", "#d55e00", "#7a1f1f"];

interface Scale {
  readonly x: (ms: number) => number;
  readonly y: (m: number) => number;
  readonly cycleMs: number;
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Where a junction is not green, as bars over all cycles. */
function redBars({ x, y, cycleMs }: Scale, atM: number, green: GreenWindow, shift: number): string {
  const bars: string[] = [];
  for (let cycle = -1; cycle <= CYCLES; cycle += 1) {
    const fromMs = green.startMs + green.lengthMs + cycle * cycleMs;
    const toMs = green.startMs + (cycle + 1) * cycleMs;
    const [from, to] = [Math.max(0, fromMs), Math.min(CYCLES * cycleMs, toMs)];
    if (to <= from) continue;
    const place = `x="${rounded(x(from))}" y="${rounded(y(atM) + shift)}"`;
    bars.push(`<rect ${place} width="${rounded(x(to) - x(from))}" height="${BAR}" fill="${RED}"/>`);
  }
  return bars.join("");
}

/** A band as a parallelogram through all junctions, once a cycle. */
function bandShapes(
  { x, y, cycleMs }: Scale,
  passings: readonly { readonly atM: number; readonly atMs: number }[],
  { startMs, lengthMs }: GreenWindow,
  colour: string,
): string {
  if (lengthMs <= 0) return "";
  const shapes: string[] = [];
  for (let cycle = -CYCLES; cycle <= CYCLES; cycle += 1) {
    const point = (atM: number, ms: number): string =>
      `${rounded(x(ms + startMs + cycle * cycleMs))},${rounded(y(atM))}`;
    const edge = (ms: number) => passings.map(({ atM, atMs }) => point(atM, atMs + ms));
    const points = [...edge(0), ...edge(lengthMs).reverse()].join(" ");
    shapes.push(`<polygon points="${points}" fill="${colour}" fill-opacity="0.25"/>`);
  }
  return shapes.join("");
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

function axis({ x, cycleMs }: Scale): string {
  const marks: string[] = [];
  const y = HEIGHT - BOTTOM;
  for (let ms = 0; ms <= CYCLES * cycleMs; ms += cycleMs / 2) {
    const place = `x="${rounded(x(ms))}" y="${y + 20}"`;
    marks.push(`<text ${place} text-anchor="middle">${rounded(ms / 1_000)} s</text>`);
    marks.push(
      `<line x1="${rounded(x(ms))}" x2="${rounded(x(ms))}" y1="${TOP}" y2="${y}" stroke="#ddd"/>`,
    );
  }
  return marks.join("");
}

/** The whole picture; ids of junctions stand at its left. */
export function timeSpaceSvg(street: StreetBands): string {
  const { junctions, bands, cycleMs, plan } = street;
  const lengthM = junctions.at(-1)?.atM ?? 1;
  const scale: Scale = {
    x: (ms) => LEFT + (ms / (CYCLES * cycleMs)) * (WIDTH - LEFT - RIGHT),
    y: (m) => HEIGHT - BOTTOM - 20 - (m / lengthM) * (HEIGHT - TOP - BOTTOM - 40),
    cycleMs,
  };
  let [aheadAtMs, backAtMs] = [0, 0];
  const [ahead, back] = [[], []] as { atM: number; atMs: number }[][] as [
    { atM: number; atMs: number }[],
    { atM: number; atMs: number }[],
  ];
  const rows = junctions.map(({ id, atM, street: one }, index) => {
    aheadAtMs += one.aheadMs;
    backAtMs -= one.backMs;
    ahead.push({ atM, atMs: aheadAtMs });
    back.push({ atM, atMs: backAtMs });
    const offsetMs = bands.offsetsMs[index] ?? 0;
    const at = ({ startMs, lengthMs }: GreenWindow): GreenWindow => ({
      startMs: modulo(startMs + offsetMs, cycleMs),
      lengthMs,
    });
    const label = `<text x="${LEFT - 10}" y="${rounded(scale.y(atM) + 4)}" text-anchor="end">`;
    const bars =
      redBars(scale, atM, at(one.ahead), 1) + redBars(scale, atM, at(one.back), -1 - BAR);
    return `${label}${escaped(id)}</text>${bars}`;
  });
  const title = `Plan ${plan}, cycle ${rounded(cycleMs / 1_000)} s`;
  const legend = [
    `<tspan fill="${AHEAD}">${widthText("ahead", bands.ahead)}</tspan>`,
    `<tspan fill="${BACK}" dx="16">${widthText("back", bands.back)}</tspan>`,
  ].join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-size="13"`,
    ` font-family="system-ui, sans-serif" role="img" aria-label="Time-space diagram">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<defs><clipPath id="plot"><rect x="${LEFT}" y="${TOP}" width="${WIDTH - LEFT - RIGHT}"`,
    ` height="${HEIGHT - TOP - BOTTOM}"/></clipPath></defs>`,
    `<text x="${LEFT}" y="28" font-size="17" font-weight="600">${title}</text>`,
    `<text x="${LEFT}" y="48">${legend}</text>`,
    axis(scale),
    `<g clip-path="url(#plot)">`,
    bandShapes(scale, ahead, bands.ahead, AHEAD),
    bandShapes(scale, back, bands.back, BACK),
    "</g>",
    ...rows,
    "</svg>\n",
  ].join("");
}

function widthText(way: string, { lengthMs }: GreenWindow): string {
  return `band ${way} ${rounded(lengthMs / 1_000)} s`;
}
