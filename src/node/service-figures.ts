// What the service thread's own parts say in health and metrics.
import type { Broker } from "../broker/broker.ts";
import type { Figure } from "../observe/metrics.ts";
import type { LoopPicture } from "./messages.ts";

export function loopFigures(loop: LoopPicture | null): Figure[] {
  if (loop === null) return [];
  const figure = (name: string, help: string, value: number): Figure => ({ name, help, value });
  return [
    figure(
      "stopline_edge_to_frame_p99_seconds",
      "Status with a change decoded to lamp frame written, 99th percentile",
      loop.edgeToFrameP99Ms / 1000,
    ),
    figure("stopline_edges_total", "Changes that were answered by a frame", loop.edges),
    figure(
      "stopline_tick_jitter_p999_seconds",
      "Deviation of the control beat, 99.9th percentile",
      loop.jitterP999Ms / 1000,
    ),
    figure("stopline_tick_gap_max_seconds", "Longest gap between beats", loop.gapMaxMs / 1000),
  ];
}

export function brokerFigures(counters: ReturnType<() => Broker["counters"]> | null): Figure[] {
  if (counters === null) return [];
  const figures: Figure[] = [
    { name: "stopline_broker_connections", help: "Open now", value: counters.connections },
    { name: "stopline_broker_accepted_total", help: "Clients accepted", value: counters.accepted },
    { name: "stopline_broker_throttled_total", help: "Sockets slowed", value: counters.throttled },
    { name: "stopline_broker_messages_in_total", help: "PUBLISHes", value: counters.messagesIn },
    { name: "stopline_broker_sessions", help: "Persistent sessions", value: counters.sessions },
    {
      name: "stopline_broker_queued_messages",
      help: "Undelivered messages of persistent sessions",
      value: counters.queuedMessages,
    },
    {
      name: "stopline_broker_commits_total",
      help: "Commits of what the broker keeps",
      value: counters.diskCommits,
    },
    {
      name: "stopline_broker_disk_trouble",
      help: "1 while what the broker keeps can't be written",
      value: counters.diskTrouble === null ? 0 : 1,
    },
  ];
  for (const [reason, value] of Object.entries(counters.refused)) {
    const labels = { reason };
    figures.push({ name: "stopline_broker_refused_total", help: "Turned away", value, labels });
  }
  return figures;
}
