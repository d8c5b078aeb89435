// One end of a channel between two threads: what the log needs of a `MessagePort`, which fits it.

export interface ChannelPort {
  postMessage(value: unknown): void;
  on(event: "message", listen: (value: unknown) => void): unknown;
  close(): void;
}
