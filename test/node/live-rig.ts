import type { CabinetPort } from "../../src/cabinet/port.ts";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import type { ClockQuality, ControlView } from "../../src/core/site/view.ts";
import type { NodeEvent } from "../../src/log/events.ts";
import type { Timers } from "../../src/log/timers.ts";
import { LiveControl } from "../../src/node/live-control.ts";
import { Random } from "../../src/sim/random.ts";
import { VirtualTime } from "../../src/sim/time.ts";

/** A live loop on a virtual cabinet, both in virtual time. */
export function live(site: SiteModel, wallMs: () => number, clock: () => ClockQuality) {
  const time = new VirtualTime(new Random(1, "time"));
  const cabinet = new VirtualCabinet({ site });
  const port: CabinetPort = {
    write(bytes) {
      cabinet.receive(bytes);
      return true;
    },
    onBytes: null,
    onOpen: null,
    onClose: null,
    close() {},
  };
  cabinet.onBytes = (bytes) => port.onBytes?.(bytes.slice());
  const after = (ms: number, run: () => void) => {
    const event = time.after(ms, run);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  };
  const timers: Timers = {
    monoMs: () => time.nowMs,
    wallMs: () => wallMs() + time.nowMs,
    after,
    every: () => {
      throw new Error("the live loop needs no interval");
    },
    soon: (run) => void after(0, run),
  };
  const events: NodeEvent[] = [];
  const views: ControlView[] = [];
  const control = new LiveControl({
    timers,
    site,
    port,
    identity: () => ({ incarnation: 1, clock: clock() }),
    append: (event) => events.push(event),
    publish: (view) => views.push(view),
    announce: () => {},
    counting: () => {},
    onBeat: () => {},
  });
  control.start();
  port.onOpen?.();
  const turn = (): void => {
    while (cabinet.advanceToNext(time.nowMs)) {}
    after(5, turn);
  };
  turn();
  return { time, control, cabinet, events, views };
}
