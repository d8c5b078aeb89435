// The few pictures of the page, as strokes in a box of 24 by 24: shapes say what colours say.
import { svg } from "./svg.ts";

const WALKING =
  "M12.6 7.4 11.4 13.6M12.6 8.6 8.6 11.4M12.6 8.6 16.2 11.6M11.4 13.6 14.2 17 14.6 21" +
  "M11.4 13.6 9.8 17.4 7 20.6";
const HAND =
  "M8.4 13V7M11.1 12V4.6M13.8 12V5.2M16.4 13V7.8M8.4 14.6 6 11.8" +
  "M8.4 13V15.4Q8.4 20.2 12.4 20.2 16.4 20.2 16.4 15.6V13ZM10 15H15";

const ARROWS: Readonly<Record<string, string>> = {
  through: "M12 21V5M6.5 10.5 12 4.5 17.5 10.5",
  left: "M15.5 21V12Q15.5 9 12.5 9H5M10 4 4.5 9 10 14",
  right: "M8.5 21V12Q8.5 9 11.5 9H19M14 4 19.5 9 14 14",
};

const STATES: Readonly<Record<string, string>> = {
  ok: "M5 12.5 10 17.5 19 7",
  degraded: "M12 4 21.5 20H2.5ZM12 10V14.5M12 17.2V17.4",
  failed: "M6 6 18 18M18 6 6 18",
};

function icon(path: string, className: string): SVGSVGElement {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: `icon ${className}`, "aria-hidden": "true" },
    svg("path", { d: path }),
  );
}

/** An arrow for a movement, as the driver sees it; turned to the map's direction by `turnDeg`. */
export function movementIcon(movement: string, turnDeg = 0): SVGSVGElement {
  const drawn = icon(ARROWS[movement] ?? "", "icon-movement");
  drawn.firstElementChild?.setAttribute("transform", `rotate(${turnDeg} 12 12)`);
  return drawn;
}

export function stateIcon(state: string): SVGSVGElement {
  return icon(STATES[state] ?? "", `icon-${state}`);
}

/** The two symbols of a pedestrian head, for a drawing. */
export function walkSymbols(): SVGGElement {
  return svg(
    "g",
    { class: "walk-symbols" },
    svg(
      "g",
      { class: "symbol-walk" },
      svg("circle", { cx: 13.4, cy: 3.8, r: 2.1, class: "symbol-head" }),
      svg("path", { d: WALKING, class: "symbol-stroke" }),
    ),
    svg("g", { class: "symbol-hand" }, svg("path", { d: HAND, class: "symbol-stroke" })),
  );
}

export function pedestrianIcon(): SVGSVGElement {
  const drawn = icon(WALKING, "icon-person");
  drawn.append(svg("circle", { cx: 13.4, cy: 3.8, r: 2.1 }));
  return drawn;
}

/** A car from above, its nose to the right. */
export function vehicleIcon(): SVGSVGElement {
  return icon("M3 12.5V16H6M9 16H15M18 16H21V12.5L18.6 11.8 16.5 8H7.5L5.4 11.8Z", "icon-vehicle");
}
