// The real device's port over a real pseudo-terminal, with the virtual cabinet behind it: bytes
// both ways, a device that takes nothing, one that vanishes and comes back, and clear words when it
// can't be opened. Asserts on order and counts only: the machine may be busy.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { allRedOf, CabinetLink } from "../../src/cabinet/link.ts";
import type { LinkEffect, LinkInput } from "../../src/cabinet/link-types.ts";
import {
  compileRecord,
  describeRecordDifference,
  recordChecksum,
} from "../../src/cabinet/record.ts";
import {
  deviceTrouble,
  isHeldByOther,
  openTty,
  sttyArguments,
  TtyPort,
} from "../../src/cabinet/tty.ts";
import { VirtualCabinet } from "../../src/cabinet/virtual.ts";
import { PseudoTerminal } from "../../src/sim/pseudo-terminal.ts";
import { JUNCTION } from "../interlock/junction.ts";

/** A folder whose `device` is a link to whatever stands behind it at the moment. */
function deviceFolder(t: Test): { path: string; point: (target: string | null) => void } {
  const folder = mkdtempSync(join(tmpdir(), "stopline-tty-"));
  const path = join(folder, "device");
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return {
    path,
    point: (target) => {
      rmSync(path, { force: true });
      if (target !== null) symlinkSync(target, path);
    },
  };
}

async function until(done: () => boolean): Promise<boolean> {
  for (let left = 600; left > 0 && !done(); left -= 1) await sleep(25);
  return done();
}

t.test("all byte values pass both ways", async (t) => {
  const terminal = await PseudoTerminal.open();
  t.teardown(() => terminal.close());
  const port = openTty({ path: terminal.path, baud: 500_000 });
  t.teardown(() => port.close());
  let opened = false;
  port.onOpen = () => {
    opened = true;
  };
  t.ok(await until(() => opened), "opens");
  const all = Uint8Array.from({ length: 256 }, (_, index) => index);
  const received: number[] = [];
  terminal.onBytes = (bytes) => received.push(...bytes);
  t.equal(port.write(all), true);
  t.ok(await until(() => received.length >= 257), "the host's bytes arrive");
  t.same(received, [0, ...all], "after a delimiter that ends whatever was there before");
  const back: number[] = [];
  port.onBytes = (bytes) => back.push(...bytes);
  terminal.write(all);
  t.ok(await until(() => back.length >= 256), "the cabinet's bytes arrive");
  t.same(back, [...all]);
});

t.test("a device that takes no bytes costs dropped frames and no waiting", async (t) => {
  const terminal = await PseudoTerminal.open();
  t.teardown(() => terminal.close());
  const port = openTty({ path: terminal.path, baud: 500_000 });
  t.teardown(() => port.close());
  let opened = false;
  port.onOpen = () => {
    opened = true;
  };
  await until(() => opened);
  terminal.pause();
  const frame = new Uint8Array(1000).fill(7);
  let dropped = 0;
  for (let sent = 0; sent < 1000; sent += 1) if (!port.write(frame)) dropped += 1;
  t.ok(dropped > 500, `${dropped} of 1,000 dropped`);
  t.equal(opened, true, "and the device stays open");
});

t.test("a session over a real line; the device vanishes and comes back", async (t) => {
  const device = deviceFolder(t);
  const cabinet = new VirtualCabinet({ site: JUNCTION });
  let terminal = await PseudoTerminal.open();
  const attach = (): void => {
    terminal.onBytes = (bytes) => cabinet.receive(bytes);
    cabinet.onBytes = (bytes) => terminal.write(bytes.slice());
    device.point(terminal.path);
  };
  attach();
  t.teardown(() => terminal.close());
  const startMs = performance.now();
  const nowMs = () => performance.now() - startMs;
  const running = setInterval(() => cabinet.advance(nowMs()), 5);
  t.teardown(() => clearInterval(running));

  const port = new TtyPort({ path: device.path, baud: 500_000 });
  t.teardown(() => port.close());
  const record = compileRecord(JUNCTION);
  const link = new CabinetLink({
    record,
    checksum: recordChecksum(record),
    describeDifference: describeRecordDifference,
    allRed: allRedOf(JUNCTION.channels),
    nonce: 1,
  });
  const told: LinkEffect[] = [];
  const input = (event: LinkInput): void => {
    for (const effect of link.step(event, nowMs())) {
      if (effect.kind !== "write") told.push(effect);
      else if (!port.write(effect.bytes)) input({ kind: "dropped" });
    }
  };
  port.onOpen = () => input({ kind: "opened" });
  port.onClose = (reason) => input({ kind: "closed", reason });
  port.onBytes = (bytes) => input({ kind: "bytes", bytes });
  const ticking = setInterval(() => input({ kind: "tick" }), 50);
  t.teardown(() => clearInterval(ticking));

  const sessions = () =>
    told.filter((effect) => effect.kind === "cabinet" && effect.what === "session");
  t.ok(await until(() => link.acceptedSequence() > 3), "lamp frames are accepted");
  const before = sessions().length;
  t.ok(before > 0);

  device.point(null);
  await terminal.close();
  t.ok(
    await until(() => told.some((effect) => effect.kind === "cabinet" && effect.what === "closed")),
  );
  t.equal(link.view(nowMs()).connected, false);

  terminal = await PseudoTerminal.open();
  attach();
  t.ok(await until(() => link.acceptedSequence() > 3), "and accepted again after the replug");
  t.ok(sessions().length > before);
});

t.test("a device that can't be used: one line with the way out, and it keeps trying", async (t) => {
  const device = deviceFolder(t);
  const port = new TtyPort({ path: device.path, baud: 500_000 });
  t.teardown(() => port.close());
  const reasons: string[] = [];
  port.onClose = (reason) => reasons.push(reason);
  t.ok(await until(() => reasons.length > 0));
  t.match(reasons[0], /no device .*device: plug the cabinet in/);
  t.equal(port.write(Uint8Array.of(1)), false, "nothing can be written meanwhile");
  const plain = join(device.path, "..", "plain");
  writeFileSync(plain, "");
  device.point(plain);
  t.ok(await until(() => reasons.some((reason) => /not a serial device/.test(reason))));
});

t.test("a device that another process holds is found out", async (t) => {
  const device = deviceFolder(t);
  const held = join(device.path, "..", "held");
  writeFileSync(held, "");
  t.equal(isHeldByOther(held), false);
  const holder = spawn("sh", ["-c", `unset NODE_OPTIONS; exec 9<"${held}"; exec sleep 60`]);
  t.teardown(() => holder.kill("SIGKILL"));
  t.ok(await until(() => isHeldByOther(held)));
});

t.test("words for what goes wrong", async (t) => {
  t.match(deviceTrouble("/dev/ttyUSB0", "EACCES"), /usermod -aG dialout/);
  t.match(deviceTrouble("/dev/ttyUSB0", "EBUSY"), /in use by another program/);
  t.match(deviceTrouble("/dev/ttyUSB0", "ENOENT"), /by-id/);
  for (const code of ["EACCES", "EBUSY", "ENOENT", "ENOTTY", "EIO"]) {
    t.notMatch(deviceTrouble("/dev/x", code), /\n/);
  }
  t.ok(
    ["raw", "-hupcl", "-ixon", "-crtscts"].every((word) => sttyArguments(500_000).includes(word)),
  );
});
