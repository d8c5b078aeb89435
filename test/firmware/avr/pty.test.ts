// The image behind a pseudo-terminal against a real host process with the host's own serial and
// link code. Paced to wall time, judged on the microcontroller's cycles.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
import { compileRecord } from "../../../src/cabinet/record.ts";
import { JUNCTION } from "../../interlock/junction.ts";
import { Bench } from "../../support/emulator/bench.ts";
import { firstChange, isLit } from "../../support/emulator/crossing.ts";
import { CYCLES_PER_MS } from "../../support/emulator/mcu.ts";
import { PtyBoard } from "../../support/emulator/pty.ts";

const HOST = fileURLToPath(new URL("../../support/emulator/pty-host.ts", import.meta.url));

t.test("a host process: lamps follow; stopped in green by SIGSTOP; cable pulled", async (t) => {
  const bench = new Bench({ record: compileRecord(JUNCTION), autoResetDisconnected: true });
  const board = await PtyBoard.open(bench);
  t.teardown(() => board.close());
  const environment = { ...process.env };
  delete environment.NODE_OPTIONS;
  const host = spawn(process.execPath, [HOST, board.path], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: environment,
  });
  t.teardown(() => host.kill("SIGKILL"));
  board.onTime = (nowMs) => host.send(nowMs);
  const modes: string[] = [];
  host.stdout?.on("data", (bytes: Buffer) => modes.push(...bytes.toString().trim().split("\n")));

  const lit = await board.pace(60_000, () => isLit(bench.board.field, 2, "green"));
  t.ok(lit, `the main street is green: ${modes.slice(0, 8).join(", ")}`);
  await board.pace(400, () => false);
  t.ok(board.lampFrames > 100, "a lamp frame every 50 ms");

  board.patient = false;
  host.kill("SIGSTOP");
  await board.pace(5000, () => isLit(bench.board.field, 2, "yellow"));
  const from = board.lastLampFrameAt;
  const yellow = firstChange(bench, from, ({ field }) => !isLit(field, 2, "green"));
  const afterMs = (yellow.cycles - from) / CYCLES_PER_MS;
  t.ok(afterMs >= 300 && afterMs <= 320, `green off ${afterMs.toFixed(1)} ms after the frame`);
  t.ok(isLit(yellow.field, 2, "yellow"));
  t.ok(bench.board.contact, "in order: no trip");

  host.kill("SIGCONT");
  await board.pace(10_000, () => modes.at(-1) === "orderly-stop");
  t.same(modes.at(-1), "orderly-stop", "the host hears of it");
  board.close();
  const pulled = await new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(modes.at(-1) === "no-cabinet"), 20_000);
    host.stdout?.on("data", () => {
      if (modes.at(-1) !== "no-cabinet") return;
      clearTimeout(late);
      resolve(true);
    });
  });
  t.ok(pulled, "and of the cable");
});
