// What the mesh machine asks of its node's log: each effect as a question, and the event that the
// answer makes. Pure.
import type { Answer, Question } from "../log/messages.ts";
import type { MeshEffect, MeshEvent } from "../mesh/mesh-types.ts";

/** Rows of one message between two nodes; the byte bound is what counts. */
const MAX_ROWS = 512;

type WithoutToken<Q> = Q extends Question ? Omit<Q, "token"> : never;

export interface LogRequest {
  readonly question: WithoutToken<Question>;
  /** Null where the machine wants no answer, or the answer is another's. */
  readonly eventOf: (answer: Answer) => MeshEvent | null;
}

/** Null for an effect that is no question to the log. */
export function logRequestOf(effect: MeshEffect): LogRequest | null {
  switch (effect.kind) {
    case "rows-wanted": {
      const { custodian, after, maxBytes } = effect;
      return {
        question: { kind: "own-rows", position: after, room: { rows: MAX_ROWS, bytes: maxBytes } },
        eventOf: (answer) =>
          answer.kind === "own-rows"
            ? { kind: "own-rows", custodian, after, answer: answer.answer }
            : null,
      };
    }
    case "recover":
      return {
        question: { kind: "recover", rows: effect.rows },
        eventOf: (answer) =>
          answer.kind === "recovered" && answer.upTo !== null
            ? { kind: "recovered", upTo: answer.upTo }
            : null,
      };
    case "replicated": {
      const { custodian, position } = effect;
      return {
        question: { kind: "custody-acknowledged", custodian, position },
        eventOf: () => null,
      };
    }
    default:
      return custodyRequestOf(effect);
  }
}

function custodyRequestOf(effect: MeshEffect): LogRequest | null {
  switch (effect.kind) {
    case "custody-put": {
      const { owner, incarnation, boot, rows, lapsed } = effect;
      return {
        question: { kind: "custody-put", put: { origin: owner, incarnation, boot, rows, lapsed } },
        eventOf: (answer) =>
          answer.kind === "custody-put" ? { kind: "custody-held", owner, ...answer.result } : null,
      };
    }
    case "custody-asked": {
      const { owner } = effect;
      return {
        question: { kind: "custody-position", origin: owner },
        eventOf: (answer) => {
          if (answer.kind !== "custody-position") return null;
          const position = answer.held?.head ?? null;
          return { kind: "custody-held", owner, position, refused: null };
        },
      };
    }
    case "custody-read": {
      const { owner, after, maxBytes } = effect;
      const room = { rows: MAX_ROWS, bytes: maxBytes };
      return {
        question: { kind: "custody-rows", origin: owner, after, room },
        eventOf: (answer) =>
          answer.kind === "custody-rows"
            ? { kind: "custody-rows", owner, rows: answer.rows }
            : null,
      };
    }
    default:
      return null;
  }
}
