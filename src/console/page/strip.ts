// The ring-and-barrier strip: the last minutes, one row for each ring, now at the right edge. Under
// each green stands why it ended; a line crosses the rows where a barrier was crossed.
import type { History, Interval, PhaseHistory } from "./history.ts";
import type { Site } from "./site.ts";
import { svg } from "./svg.ts";
import { END_MEANING, END_WORDS } from "./words.ts";

const GUTTER = 46;
const ROW = 47;
const BAR = 24;
const TOP = 6;
const AXIS = 20;
/** So many pixels for a second let "gap-out" stand under the shortest green with its clearance. */
const PX_PER_S = 4.4;
/** From the middle of one such word to that of the next. */
const LABEL_PX = 42;
const SHORTEST_S = 70;
const LONGEST_S = 600;

interface Frame {
  readonly nowMs: number;
  readonly fromMs: number;
  x(atMs: number): number;
}

interface Row {
  readonly phase: PhaseHistory;
  readonly top: number;
  readonly group: number;
}

export class Strip {
  readonly element: SVGSVGElement;
  readonly #layer = svg("g");
  readonly #history: History;
  readonly #rows: readonly Row[];
  readonly #rings: number;
  readonly #clock: Intl.DateTimeFormat;
  #width = 800;

  constructor(site: Site, history: History) {
    this.#history = history;
    this.#rings = Math.max(1, ...site.sequence.map((rings) => rings.length));
    this.#rows = rowsOf(site, history);
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      timeZone: site.timezone,
      hour: "2-digit",
      minute: "2-digit",
    });
    this.element = svg(
      "svg",
      {
        class: "strip",
        role: "img",
        "aria-label": "The last minutes by ring, newest at the right",
      },
      this.#layer,
    );
  }

  /** Seconds that the strip shows at its width. */
  get windowS(): number {
    return Math.min(LONGEST_S, Math.max(SHORTEST_S, (this.#width - GUTTER) / PX_PER_S));
  }

  resize(width: number): void {
    this.#width = Math.max(200, width);
    const height = TOP + this.#rings * ROW + AXIS;
    this.element.setAttribute("viewBox", `0 0 ${this.#width} ${height}`);
    this.element.setAttribute("height", String(height));
  }

  draw(nowMs: number): void {
    const fromMs = nowMs - this.windowS * 1000;
    const scale = (this.#width - GUTTER) / (nowMs - fromMs);
    const frame: Frame = {
      nowMs,
      fromMs,
      x: (atMs) => GUTTER + Math.max(0, Math.min(nowMs, atMs) - fromMs) * scale,
    };
    this.#layer.replaceChildren(
      ...this.#ringNames(),
      ...this.#axis(frame),
      ...this.#rows.flatMap((row) => intervals(row, frame)),
      ...endLabels(this.#rows, frame),
      ...this.#barriers(frame),
      ...this.#gapShapes(frame),
    );
  }

  #ringNames(): SVGElement[] {
    return Array.from({ length: this.#rings }, (_, ring) => [
      svg(
        "text",
        { class: "ring-name", x: 0, y: TOP + ring * ROW + BAR / 2 + 4 },
        `Ring ${ring + 1}`,
      ),
      svg("rect", {
        class: "ring-row",
        x: GUTTER,
        y: TOP + ring * ROW,
        width: this.#width - GUTTER,
        height: BAR,
      }),
    ]).flat();
  }

  #axis(frame: Frame): SVGElement[] {
    const step = this.windowS > 200 ? 60_000 : 30_000;
    const bottom = TOP + this.#rings * ROW;
    const marks: SVGElement[] = [];
    for (let at = Math.ceil(frame.fromMs / step) * step; at <= frame.nowMs; at += step) {
      const x = frame.x(at);
      marks.push(svg("path", { class: "tick", d: `M${x.toFixed(1)} ${TOP}V${bottom}` }));
      if (at % 60_000 !== 0 || x > this.#width - 44 || x < GUTTER + 14) continue;
      const label = this.#clock.format(at);
      marks.push(svg("text", { class: "tick-label", x, y: bottom + 13 }, label));
    }
    const now = svg("text", { class: "tick-label now", x: this.#width - 1, y: bottom + 13 }, "now");
    return [...marks, now];
  }

  /** A line where a green of another group began. */
  #barriers(frame: Frame): SVGElement[] {
    const greens = this.#rows
      .flatMap(({ phase, group }) => phase.lamps.map((interval) => ({ interval, group })))
      .filter(({ interval }) => interval.kind === "green")
      .sort((a, b) => a.interval.fromMs - b.interval.fromMs);
    const bottom = TOP + this.#rings * ROW - (ROW - BAR) + 6;
    return greens.flatMap(({ interval, group }, index) => {
      const crossed = index > 0 && greens[index - 1]?.group !== group;
      if (!crossed || interval.fromMs <= frame.fromMs) return [];
      const x = frame.x(interval.fromMs).toFixed(1);
      return [svg("path", { class: "barrier", d: `M${x} ${TOP - 4}V${bottom}` })];
    });
  }

  #gapShapes(frame: Frame): SVGElement[] {
    return this.#history.gaps
      .filter((gap) => (gap.toMs ?? frame.nowMs) > frame.fromMs)
      .map((gap) => {
        const x = frame.x(gap.fromMs);
        const width = Math.max(1, frame.x(gap.toMs ?? frame.nowMs) - x);
        const height = this.#rings * ROW - (ROW - BAR);
        return svg(
          "g",
          { class: "gap" },
          svg("title", {}, "Nothing heard from the node"),
          svg("rect", { class: "gap-shape", x, y: TOP, width, height }),
          width > 70
            ? svg("text", { class: "gap-word", x: x + width / 2, y: TOP + 16 }, "not heard")
            : "",
        );
      });
  }
}

function rowsOf(site: Site, history: History): Row[] {
  return site.sequence.flatMap((rings, group) =>
    rings.flatMap((phases, ring) =>
      phases.flatMap((number) => {
        const phase = history.phases.get(number);
        return phase === undefined ? [] : [{ phase, top: TOP + ring * ROW, group }];
      }),
    ),
  );
}

function isSeen(interval: Interval<string>, frame: Frame): boolean {
  return (interval.toMs ?? frame.nowMs) > frame.fromMs;
}

function intervals({ phase, top }: Row, frame: Frame): SVGElement[] {
  const lamps = phase.lamps.filter((interval) => isSeen(interval, frame));
  const walks = phase.walks.filter((interval) => isSeen(interval, frame));
  return [
    ...lamps.flatMap((interval) => lampShape(phase.phase, interval, { top, frame })),
    ...walks.map((interval) => walkShape(interval, { top, frame })),
  ];
}

interface Place {
  readonly top: number;
  readonly frame: Frame;
}

function lampShape(phase: number, interval: Interval<string>, place: Place): SVGElement[] {
  const { top, frame } = place;
  const x = frame.x(interval.fromMs);
  const width = Math.max(0.8, frame.x(interval.toMs ?? frame.nowMs) - x);
  const seconds = (((interval.toMs ?? frame.nowMs) - interval.fromMs) / 1000).toFixed(1);
  const bar = svg(
    "rect",
    { class: `bar bar-${interval.kind}`, x, y: top, width, height: BAR },
    svg("title", {}, `Phase ${phase} ${interval.kind.replace("-", " ")} ${seconds} s`),
  );
  if (interval.kind !== "green") return [bar];
  const parts: SVGElement[] = [bar];
  if (width > 12) {
    parts.push(svg("text", { class: "bar-phase", x: x + 6, y: top + 16.5 }, String(phase)));
  }
  if (width > 44) {
    const length = svg("text", { class: "bar-length", x: x + width - 5, y: top + 16 });
    length.append(String(Math.round(Number(seconds))));
    parts.push(length);
  }
  return parts;
}

/** Shorter than elsewhere: two of the longer words would run into each other. */
const SHORT_WORDS: Readonly<Record<string, string>> = { ...END_WORDS, "no-demand": "unused" };

interface EndLabel {
  readonly ended: string;
  readonly x: number;
  readonly top: number;
}

/**
 * Under the end of each green why it ended, at the edge moved aside. Of two that would run into
 * each other the newer one stands.
 */
function endLabels(rows: readonly Row[], frame: Frame): SVGElement[] {
  const labels = rows.flatMap(({ phase, top }) =>
    phase.lamps.flatMap(({ ended, toMs, ...interval }): EndLabel[] => {
      const isShown = ended !== null && isSeen({ ended, toMs, ...interval }, frame);
      const x = Math.min(frame.x(toMs ?? frame.nowMs), frame.x(frame.nowMs) - 24);
      return isShown ? [{ ended, x, top }] : [];
    }),
  );
  labels.sort((a, b) => b.x - a.x);
  const left = new Map<number, number>();
  return labels.flatMap(({ ended, x, top }) => {
    if (x > (left.get(top) ?? Number.POSITIVE_INFINITY) - LABEL_PX) return [];
    left.set(top, x);
    const label = svg("text", { class: "bar-ended", x, y: top + BAR + 15 });
    label.append(svg("title", {}, END_MEANING[ended] ?? ended), SHORT_WORDS[ended] ?? ended);
    return [label];
  });
}

function walkShape(interval: Interval<string>, { top, frame }: Place): SVGElement {
  const x = frame.x(interval.fromMs);
  const width = Math.max(0.8, frame.x(interval.toMs ?? frame.nowMs) - x);
  const title = svg("title", {}, interval.kind === "walk" ? "Walk" : "Pedestrian clearance");
  return svg(
    "rect",
    { class: `walk-bar walk-${interval.kind}`, x, y: top + BAR - 5, width, height: 5 },
    title,
  );
}
