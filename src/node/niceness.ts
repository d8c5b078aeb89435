// Which thread of the process gets a processor first, where the system lets it (root, or a unit
// with LimitNICE): lamps, then neighbours, then clients and the disk. Lower goes first; on Linux
// it counts for the calling thread alone.
import { getPriority, setPriority } from "node:os";
import { setFlagsFromString } from "node:v8";

/** Half way to the strongest: a flood that keeps both cores busy must not delay a lamp. */
export const CONTROL_NICENESS = -10;
/** A flood of clients must not delay what neighbours hear, garbage from the network no lamp. */
export const MESH_NICENESS = -5;

/**
 * The control thread's real-time priority, where the service's unit allows one (LimitRTPRIO):
 * before every ordinary program however nice, after the kernel's own interrupt threads (50).
 */
export const CONTROL_TURNS = 10;

/** For the calling thread; threads that it starts inherit it, so each worker sets its own. */
export function takeNiceness(niceness: number): void {
  try {
    setPriority(niceness);
  } catch {
    // An ordinary user shares the processor evenly.
  }
}

/**
 * For a thread that the control thread started and that is not control. One that was started nicer
 * than usual stays so: only root may take that back.
 */
export function leaveNiceness(): void {
  if (getPriority() < 0) takeNiceness(0);
}

/**
 * For the process, before its other threads start: young objects are collected by the thread that
 * stands still for it, alone. The engine's helper threads are as urgent as any program, so that a
 * thread that goes before all others would wait for them to get a processor (docs/performance.md,
 * "Lamp").
 */
export function collectAlone(): void {
  setFlagsFromString("--no-parallel-scavenge");
}
