// The service manager's side of a node on this machine: what `Supervision` wants said goes into the
// socket that NOTIFY_SOCKET names, and the control thread takes its turns in real time. Without a
// manager nothing of this is loaded.
import type { DropCount } from "./messages.ts";
import { CONTROL_TURNS } from "./niceness.ts";
import { Supervision, type SupervisionEvent } from "./supervision.ts";

export interface Supervisor {
  /** Never waits, never throws. `nowMs` is monotonic. */
  tell(event: SupervisionEvent, nowMs: number): void;
  /** Words that the manager did not take; they were said again. */
  dropped(): readonly DropCount[];
}

/** The part of the environment that sd_notify(3) and sd_watchdog_enabled(3) describe. */
export interface ManagerEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** The watchdog's time in ms; null where this process is not the one that it watches. */
export function watchdogMs({ WATCHDOG_USEC, WATCHDOG_PID }: ManagerEnvironment): number | null {
  const us = Number(WATCHDOG_USEC);
  if (!Number.isSafeInteger(us) || us <= 0) return null;
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return null;
  return us / 1000;
}

/**
 * For the control thread, before it starts others; null where no service manager asks for words.
 * `problems` are those of the site file.
 */
export async function supervisorOf(
  environment: ManagerEnvironment,
  problems: readonly string[],
): Promise<Supervisor | null> {
  const { NOTIFY_SOCKET: path } = environment;
  if (path === undefined || path === "") return null;
  try {
    const { NotifySocket } = await import("../observe/notify-socket.ts");
    const { takeTurns } = await import("../observe/libc.ts");
    const socket = new NotifySocket(path);
    // Where that is not allowed, niceness has to do.
    takeTurns(CONTROL_TURNS);
    const supervision = new Supervision({ problems, watchdogMs: watchdogMs(environment) });
    return {
      tell(event, nowMs) {
        const text = supervision.step(event, nowMs);
        if (text !== null && !socket.send(text)) supervision.step({ kind: "lost" }, nowMs);
      },
      dropped: () =>
        [...socket.lost].map(([reason, count]) => ({ class: "service manager", reason, count })),
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`stopline: the service manager can't be told anything: ${text}\n`);
    return null;
  }
}
