// What each command asks before it is sent: its words, its fields, and the command that it becomes.
import type { Site, SitePhase } from "./site.ts";
import { html } from "./svg.ts";

export type Body =
  | { readonly command: "call"; readonly phase: number; readonly pedestrian: boolean }
  | { readonly command: "hold"; readonly phase: number; readonly seconds: number }
  | {
      readonly command: "plan";
      readonly plan: number | "free" | "schedule";
      readonly until: number | null;
    }
  | {
      readonly command: "priority";
      readonly request: number;
      readonly phase: number;
      readonly arrival: number;
      readonly departure: number;
    }
  | { readonly command: "flash" }
  | { readonly command: "return" };

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly action: string;
  /** Shown between the text and the buttons. */
  readonly fields?: readonly HTMLElement[];
  /** Over the network it asks for the token again. */
  readonly asksToken?: boolean;
  /** The command, made when it is sent; `wallMs` is the node's clock. */
  readonly body: (wallMs: number) => Body;
}

type Choices = readonly (readonly [value: number | string, text: string])[];

function choice(
  label: string,
  choices: Choices,
): { label: HTMLElement; select: HTMLSelectElement } {
  const options = choices.map(([value, text]) => html("option", { value }, text));
  const select = html("select", {}, ...options);
  return { label: html("label", { class: "ask-field" }, label, select), select };
}

export function callQuestion({ phase, name }: SitePhase, pedestrian: boolean): Question {
  const who = pedestrian ? "pedestrian" : "vehicle";
  return {
    title: `Place a ${who} call on phase ${phase}?`,
    text: `As if somebody waited for ${name}: it is served once, in its turn.`,
    action: "Place the call",
    body: () => ({ command: "call", phase, pedestrian }),
  };
}

export function holdQuestion({ phase, name }: SitePhase): Question {
  const { label, select } = choice("For", [
    [15, "15 s"],
    [30, "30 s"],
    [60, "60 s"],
    [120, "120 s, the longest"],
  ]);
  select.value = "30";
  return {
    title: `Hold the green of phase ${phase}?`,
    text:
      `${name} stays green until then; if it is red, it is called first. Everybody against it ` +
      "waits, and whoever has waited is served before the next hold.",
    action: "Hold",
    fields: [label],
    body: () => ({ command: "hold", phase, seconds: Number(select.value) }),
  };
}

export function releaseQuestion(phase: number): Question {
  return {
    title: `Let phase ${phase} go?`,
    text: "Its green ends by the rules of the controller from then on.",
    action: "Let go",
    body: () => ({ command: "hold", phase, seconds: 0 }),
  };
}

/** Request numbers are the author's; one page counts its own. */
let requests = 0;

export function priorityQuestion({ phase, name }: SitePhase): Question {
  const arrives = choice("It arrives in", [
    [5, "5 s"],
    [10, "10 s"],
    [20, "20 s"],
    [40, "40 s"],
    [60, "60 s"],
  ]);
  arrives.select.value = "20";
  const passes = choice("and passes within", [
    [5, "5 s"],
    [10, "10 s"],
    [20, "20 s"],
  ]);
  passes.select.value = "10";
  return {
    title: `Ask priority for phase ${phase}?`,
    text: `An early green or an extension for ${name}, inside the plan: nobody is skipped.`,
    action: "Ask priority",
    asksToken: true,
    fields: [arrives.label, passes.label],
    body: (wallMs) => {
      requests = (requests % 999) + 1;
      const arrival = Math.round(wallMs + Number(arrives.select.value) * 1000);
      const departure = arrival + Number(passes.select.value) * 1000;
      return { command: "priority", request: requests, phase, arrival, departure };
    },
  };
}

export function planQuestion(site: Site): Question {
  const plan = choice("Plan", [
    ...site.plans.map((number) => [number, `Plan ${number}`] as const),
    ["free", "No plan: free"],
  ]);
  const hours = choice("for", [
    [0.5, "30 minutes"],
    [1, "1 hour"],
    [2, "2 hours"],
    [4, "4 hours"],
    [12, "12 hours"],
    [24, "24 hours, the longest"],
  ]);
  hours.select.value = "1";
  return {
    title: "Order a plan?",
    text:
      "It runs in place of the schedule's until then, or until the schedule is given back; a " +
      "restart of the node ends it. The change is smooth and shortens no minimum.",
    action: "Order the plan",
    fields: [plan.label, hours.label],
    body: (wallMs) => ({
      command: "plan",
      plan: plan.select.value === "free" ? "free" : Number(plan.select.value),
      until: Math.round(wallMs + Number(hours.select.value) * 3_600_000),
    }),
  };
}

export function scheduleQuestion(): Question {
  return {
    title: "Give the junction back to its schedule?",
    text: "The plan that the site file has for this time runs again.",
    action: "Back to schedule",
    body: () => ({ command: "plan", plan: "schedule", until: null }),
  };
}

export function flashQuestion(): Question {
  return {
    title: "Put the junction into its failure display?",
    text:
      "Greens end through yellow and red clearance, pedestrians get their full clearance, then " +
      "the failure display stands until somebody asks for the return. Traffic must be able to " +
      "cope with that.",
    action: "Go to flash",
    asksToken: true,
    body: () => ({ command: "flash" }),
  };
}

export function returnQuestion(): Question {
  return {
    title: "Return the junction to control?",
    text:
      "All red first, then the start-up phases with a call on every phase. A latched trip is " +
      "not cleared by this: that takes the button at the cabinet.",
    action: "Return to control",
    body: () => ({ command: "return" }),
  };
}
