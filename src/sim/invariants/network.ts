// What the links between nodes carry.
import { type Invariant, invariant } from "./invariant.ts";

/**
 * Messages of one node to another within a minute. Measured in an hour of five nodes with all
 * faults: 1,700 at most. Rows of custody that went in circles made 30,000.
 */
const MINUTE_MESSAGES = 10_000;
/** A start brings what the zone holds, some 50 messages of each member: five starts in a minute. */
const MINUTE_MESSAGES_PER_MEMBER = 250;

export const trafficBounded: Invariant<[string, number, number]> = invariant(
  "neighbours do not talk in circles",
  "two nodes that answer each other for ever use up the link, the card and the processor",
  (road, messages, members) => {
    const bound = Math.max(MINUTE_MESSAGES, members * MINUTE_MESSAGES_PER_MEMBER);
    return messages <= bound ? null : `${road}: ${messages} messages in a minute`;
  },
);
