import type { Override } from "../core/site/model.ts";
import type { Draft } from "./draft.ts";
import type { Problems } from "./problems.ts";

export function checkRules(_draft: Draft, _problems: Problems): Override[] {
  return [];
}
