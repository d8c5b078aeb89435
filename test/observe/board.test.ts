// What a board says of itself, from the kernel's files as different kernels have them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { boardComplaints, readBoard } from "../../src/observe/board.ts";

function sys(t: Test, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), "stopline-sys-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), `${text}\n`);
  }
  return dir;
}

const WORD = "devices/platform/soc/soc:firmware/get_throttled";

t.test("a Pi with its makers' kernel", async (t) => {
  const supply = async (word: string) => {
    const { isUnderVoltage, wasUnderVoltage, isThrottled } = await readBoard(
      ".",
      sys(t, { [WORD]: word }),
    );
    return [isUnderVoltage, wasUnderVoltage, isThrottled];
  };
  t.same(await supply("0"), [false, false, false]);
  t.same(await supply("50005"), [true, true, true]);
  t.same(await supply("0x50000"), [false, true, false]);
  t.same(await supply("8"), [false, false, true], "the soft limit slows too");
  t.same(await supply("?"), [false, false, false]);
});

t.test("the kernel's own drivers", async (t) => {
  const board = await readBoard(
    ".",
    sys(t, {
      "class/hwmon/hwmon0/name": "cpu_thermal",
      "class/hwmon/hwmon1/name": "rpi_volt",
      "class/hwmon/hwmon1/in0_lcrit_alarm": "1",
      "class/thermal/thermal_zone0/temp": "61500",
      "class/thermal/thermal_zone1/temp": "0",
      "class/thermal/cooling_device0/type": "cpufreq-cpu0",
      "class/thermal/cooling_device0/cur_state": "2",
      "class/thermal/cooling_device1/type": "gpio_fan",
      "class/thermal/cooling_device1/cur_state": "1",
    }),
  );
  t.match(board, { temperatureC: 61.5, isUnderVoltage: true, isThrottled: true });
  t.same(boardComplaints({ ...board, memoryFreeBytes: 1e9, diskFreeBytes: 1e10 }), [
    "the processor is slowed down by its firmware: look at supply and heat",
    "the supply's voltage is too low: take a stronger supply or a shorter cable",
  ]);
});

t.test("a board that tells nothing", async (t) => {
  const board = await readBoard(".", sys(t, {}));
  t.match(board, { temperatureC: null, isUnderVoltage: false, isThrottled: false });
  t.ok((board.memoryFreeBytes ?? 0) > 0 && (board.diskFreeBytes ?? 0) > 0);
});

t.test("each complaint says what helps", async (t) => {
  const worst = {
    ...(await readBoard(".", sys(t, { [WORD]: "50001" }))),
    temperatureC: 83.4,
    diskFreeBytes: 4e8,
    memoryFreeBytes: 3e7,
  };
  const complaints = boardComplaints(worst);
  t.equal(complaints.length, 4);
  t.ok(
    complaints.every((text) => /: (remove|give|take|end) /.test(text)),
    complaints.join("\n"),
  );
});
