// Times and bounds of the mesh machine, each with its source or reason. Times in ms.
import { CONTENT_MAX_BYTES, FRONT_MAX_BYTES } from "../wire/datagram.ts";

/**
 * An envelope that fits into a datagram of 1,200 bytes, whatever goes with it: at worst it travels
 * unchanged, behind a mark and its length. What is larger goes over the reliable lane.
 */
export const FAST_MAX_BYTES = CONTENT_MAX_BYTES - FRONT_MAX_BYTES - 3;

/** Age of an unacknowledged change at its first repeat, and when all that is missing goes along. */
export const REPEAT_FIRST_MS = 8;
/** All that is missing goes along once in so long: changes of one turn share their datagrams. */
export const ALONG_EVERY_MS = 1;
/** The reliable lane repeats by itself: what went over it goes again no sooner than this. */
export const REPEAT_RELIABLE_MS = 100;
/** The longest pause while the peer is heard. */
export const REPEAT_MAX_MS = 1_000;
/** An acknowledgement of parts leaves so long behind the last one, for all that came meanwhile. */
export const ACK_EVERY_MS = 4;
/** Pause between repeats to a neighbour that is not heard at all: a probe, not a flood. */
export const REPEAT_SILENT_MS = 4_000;
/** Without an acknowledgement for so long the reliable lane carries everything (MESH section 1). */
export const FAST_GIVE_UP_MS = 1_000;

/** Each neighbour hears where this node stands at least so often. */
export const HAVE_EVERY_MS = 1_000;
/** The whole zone vector goes along so often, also when nothing changed. */
export const ZONE_EVERY_MS = 5_000;
/** Zone batches go to who has said within this time what it has of the zone: three vectors. */
export const VECTOR_WITHIN_MS = 15_000;
/** A hello is repeated until one of the neighbour's has come. */
export const HELLO_EVERY_MS = 1_000;

/** What a neighbour once said and has not restated is told to it again so often. */
export const ECHO_EVERY_MS = 5_000;

/** An order for the zone goes to a neighbour again until that one has it on its disk; doubling. */
export const ORDER_REPEAT_MS = 2_000;
export const ORDER_REPEAT_MAX_MS = 60_000;

/** Not heard for so long: leave coordination (DESIGN section 3, rule 4). */
export const STALE_AFTER_MS = 120_000;
/** Heard within this time: it answers, as far as can be told. */
export const ANSWERS_WITHIN_MS = 10_000;

/** Nobody answers a node that asks for its incarnation: it goes on alone (STATE section 1). */
export const ALONE_AFTER_MS = 10_000;
/** After the first answer, others may still come: the highest counts. */
export const ANSWERS_SETTLE_MS = 300;
/** The log is asked again for an incarnation that it has not opened. */
export const RAISE_EVERY_MS = 5_000;
/** More than so many rises that others demanded within the time: two machines, one identity. */
export const MAX_RISES = 3;
export const RISES_WITHIN_MS = 60_000;
/** A receiver follows such an identity again after so long without a conflict. */
export const TWIN_CALM_MS = 600_000;

/** No event for so long, where a tick is due each 50 ms: the process stood still. */
export const STANDSTILL_MS = 1_000;
/** What waited meanwhile has been read after so long. */
export const STANDSTILL_DRAIN_MS = 1_000;

/** Two starts under one number are shown to those who follow either so often. */
export const RIVALS_EVERY_MS = 10_000;

/** A batch stamped further ahead of a sure clock waits until it is due (STATE section 1). */
export const PARK_AHEAD_MS = 500;
/** Further ahead than this its origin is cut off and named. */
export const CUT_OFF_AHEAD_MS = 5_000;
/** Parked batches of one origin; a batch a second makes five in five seconds, in two streams. */
export const MAX_PARKED = 16;

/** An origin restates all of a stream after so many batches, or so many bytes, behind the last. */
export const RESTATE_AFTER_BATCHES = 32;
export const RESTATE_AFTER_BYTES = 131_072;
/** What is kept of another origin's stream: twice that, since restating is its duty, not ours. */
export const MAX_KEPT_BATCHES = 64;
export const MAX_KEPT_BYTES = 524_288;
/** Batches to one neighbour that it has not acknowledged; then the rest waits for its vector. */
export const MAX_BATCHES_IN_FLIGHT = 8;
/** What a later vector still lacks goes again after so long, doubling up to the second. */
export const BATCH_REPEAT_MS = 3_000;
export const BATCH_REPEAT_MAX_MS = 10_000;

/** A prediction is told anew when it moved by so much; a display at once. */
export const PREDICTION_STEP_MS = 1_000;
/** A prediction that keeps moving is told at most so often. */
export const PREDICTION_EVERY_MS = 1_000;

/** Rows of one custody message, in bytes of their bodies: well below a payload's bound. */
export const CUSTODY_CHUNK_BYTES = 65_536;
/** Custody is asked for again after so long without an answer, doubling. */
export const CUSTODY_RETRY_MS = 2_000;
export const CUSTODY_RETRY_MAX_MS = 60_000;
/** Without an answer for so long the next neighbour is asked. */
export const CUSTODY_GIVE_UP_MS = 15_000;
/** New rows go out so often: the log commits once a second. */
export const CUSTODY_EVERY_MS = 1_000;

/** A neighbour's state goes into the cache so often, when it changed. */
export const CACHE_EVERY_MS = 5_000;

/** A local zero that moves is told anew at most so often; within a cycle, which is 30 s or more. */
export const ZERO_EVERY_MS = 10_000;
/** A change of plan waits for the main street's green: two of the longest cycles, 255 s. */
export const CYCLES_APART_MS = 510_000;
/** Whether neighbours agree is looked at so often. */
export const AGREE_EVERY_MS = 1_000;
