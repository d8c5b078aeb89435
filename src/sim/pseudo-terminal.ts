// A pseudo-terminal without any package: `script` opens one and copies its own stdin and stdout to
// the far side of it. What the host writes to `path` comes out of `onBytes`, and the reverse.
import { type ChildProcess, spawn } from "node:child_process";

export class PseudoTerminal {
  readonly path: string;
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, path: string) {
    this.child = child;
    this.path = path;
    // What is written while the device vanishes is lost, as on any cable.
    child.stdin?.on("error", () => undefined);
    child.stdout?.on("data", (bytes: Buffer) => this.onBytes?.(bytes));
  }

  /** Opens one; it lives until `close`, or until this process ends. */
  static async open(): Promise<PseudoTerminal> {
    const hold = `stty raw -echo; tty; while kill -0 ${process.pid}; do sleep 1; done`;
    const command = `unset NODE_OPTIONS; exec script --quiet --flush --command "${hold}" /dev/null`;
    const child = spawn("sh", ["-c", command], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    const path = await new Promise<string>((done, failed) => {
      let text = "";
      const onData = (bytes: Buffer): void => {
        text += bytes.toString("latin1");
        const line = /^(\/dev\/\S+)\r?\n/.exec(text)?.[1];
        if (line === undefined) return;
        child.stdout.off("data", onData);
        done(line);
      };
      child.stdout.on("data", onData);
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`script ended with ${code}: ${text}`)));
    });
    return new PseudoTerminal(child, path);
  }

  write(bytes: Uint8Array): void {
    this.child.stdin?.write(bytes);
  }

  /** Bytes that the system has not taken yet. */
  get waitingBytes(): number {
    return this.child.stdin?.writableLength ?? 0;
  }

  /** Stops reading what the host writes: its side fills up as a dead device's does. */
  pause(): void {
    this.child.stdout?.pause();
  }

  /** The device vanishes, as when it is unplugged. */
  async close(): Promise<void> {
    const { pid, exitCode } = this.child;
    if (pid === undefined || exitCode !== null) return;
    const gone = new Promise<void>((done) => this.child.once("exit", () => done()));
    process.kill(-pid, "SIGKILL");
    await gone;
    this.child.stdin?.destroy();
    this.child.stdout?.destroy();
  }
}
