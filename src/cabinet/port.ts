// Where a cabinet's bytes come from and go to: the same for a tty and for the virtual cabinet.

export interface CabinetPort {
  /**
   * Hands bytes over without ever waiting. False: they were dropped, whole or in part, and the next
   * call begins with a frame delimiter by itself.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes arrived; they are the receiver's to keep until it returns. */
  onBytes: ((bytes: Uint8Array) => void) | null;
  /** The device is open; a session may begin. Called again after a replug. */
  onOpen: (() => void) | null;
  /** The device is gone or never came: one line with the way out. The port keeps trying. */
  onClose: ((reason: string) => void) | null;
  /** Lets go of the device for good. */
  close(): void;
}
