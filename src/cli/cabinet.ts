// `stopline cabinet program|status|reset-help --config FILE`: what a person at the cabinet needs.
// The node must not run meanwhile: one device, one program.
import { randomInt } from "node:crypto";
import { createInterface } from "node:readline/promises";
import type { CabinetPort } from "../cabinet/port.ts";
import { compileRecord, describeRecordDifference, recordChecksum } from "../cabinet/record.ts";
import { resultWords, ServiceSession } from "../cabinet/service-session.ts";
import { openTty } from "../cabinet/tty.ts";
import { causeWords, controlModeOf, holdWords, latchWords } from "../cabinet/words.ts";
import type { SiteModel } from "../core/site/model.ts";
import { programCard } from "../sitefile/card.ts";
import { loadSite } from "../sitefile/load.ts";
import type { HelloAnswerFrame, StatusFrame } from "../wire/frame-types.ts";
import { fail, parseOptions } from "./options.ts";

const USAGE = "say: cabinet program|status|reset-help --config FILE";

const RESET_HELP = `A trip, or a stop for a violation, stays latched until a person clears it at the
cabinet: no command, restart or loss of power does.

 1. Look at the junction: what do the heads show? Keep it in flash until the cause is found.
 2. Read the first cause and its readings above, or by: stopline cabinet status --config FILE
 3. Mend the cause: a head, fuse, driver, relay, wire, or the site file.
 4. Take the program jumper out and switch manual flash off.
 5. Let go of the button, then hold it for one second.
 6. The cabinet tests its relay and shows the failure display; with the node running it returns
    after 10 s through 6 s of all red.
`;

/** What a command works with; tests bring their own port and answers. */
export interface CabinetCommandOptions {
  readonly open: (site: SiteModel) => CabinetPort;
  readonly prompt: (question: string) => Promise<string>;
  readonly print: (text: string) => void;
}

interface Desk extends CabinetCommandOptions {
  readonly site: SiteModel;
  readonly record: Uint8Array;
  readonly checksum: number;
}

/** A checksum as it is printed and typed: eight hexadecimal digits. */
export function checksumText(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

async function promptOnTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

const TERMINAL: CabinetCommandOptions = {
  open: (site) => openTty({ path: site.cabinet.device, baud: site.cabinet.baud }),
  prompt: promptOnTerminal,
  print: (text) => process.stdout.write(text),
};

function statusLines(hello: HelloAnswerFrame, status: StatusFrame): string[] {
  const { control, flags } = status;
  const on = (name: string, value: boolean) => `${name} ${value ? "on" : "off"}`;
  const reset = hello.resetCauses.join(", ") || "unknown";
  return [
    `firmware      ${hello.firmwareVersion}, boot ${hello.boot}, last reset by ${reset}`,
    `mode          ${controlModeOf(status.mode)}: ${causeWords(status.cause)}`,
    `waits for     ${holdWords(status.hold) ?? "nothing"}`,
    `first cause   ${hello.latch === null ? "nothing is latched" : latchWords(hello.latch)}`,
    `relay         ${flags.relay ? "energised" : "released"}, ${on("contact", control.relay)}`,
    `switches      ${on("jumper", control.jumper)}, ${on("manual flash", control.manualFlash)}`,
  ];
}

async function recordLines(desk: Desk, session: ServiceSession, hello: HelloAnswerFrame) {
  if (!hello.flags.recordValid) return ["record        none: stopline cabinet program writes it"];
  const theirs = checksumText(hello.recordChecksum);
  if (hello.recordChecksum === desk.checksum) return [`record        ${theirs}, the site file's`];
  const differences = describeRecordDifference(
    desk.record,
    await session.readRecord(hello.recordLength),
  );
  return [
    `record        ${theirs}, not the site file's ${checksumText(desk.checksum)}:`,
    ...differences.map((line) => `              ${line}`),
  ];
}

async function showStatus(desk: Desk, session: ServiceSession): Promise<HelloAnswerFrame> {
  const hello = await session.hello(desk.checksum);
  const lines = statusLines(hello, await session.status());
  lines.push(...(await recordLines(desk, session, hello)));
  desk.print(`${lines.join("\n")}\n`);
  return hello;
}

async function program(desk: Desk, session: ServiceSession): Promise<number> {
  const hello = await showStatus(desk, session);
  if (hello.flags.recordValid && hello.recordChecksum === desk.checksum) {
    desk.print("The cabinet holds this record already; nothing is written.\n");
    return 0;
  }
  if (!(await session.status()).control.jumper) {
    return fail("cabinet", "the program jumper is not set: set it at the cabinet, then try again");
  }
  const text = checksumText(desk.checksum);
  desk.print(`\n${programCard(desk.site, text)}\n`);
  const typed = await desk.prompt("Is this what is wired? Type the record checksum to write it: ");
  if (typed.trim().toLowerCase() !== text) {
    return fail("cabinet", `'${typed.trim()}' is not the checksum; nothing was written`);
  }
  const result = await session.writeRecord(desk.record, desk.checksum);
  if (result !== "stored") return fail("cabinet", resultWords(result));
  const after = await session.hello(desk.checksum);
  if (!after.flags.recordMatches)
    return fail("cabinet", "the stored record reads back differently");
  desk.print(`Stored: record ${text}. Take the jumper out, then start the node.\n`);
  return 0;
}

async function atCabinet(action: string, desk: Desk): Promise<number> {
  const port = desk.open(desk.site);
  const session = new ServiceSession(port, randomInt(2 ** 32));
  try {
    await session.open();
    if (action === "program") return await program(desk, session);
    await showStatus(desk, session);
    if (action === "reset-help") desk.print(`\n${RESET_HELP}`);
    return 0;
  } catch (error) {
    if (action === "reset-help") desk.print(RESET_HELP);
    return fail("cabinet", error instanceof Error ? error.message : String(error));
  } finally {
    port.close();
  }
}

function virtualAnswer(action: string, print: (text: string) => void): number {
  if (action === "reset-help") {
    print(RESET_HELP);
    return 0;
  }
  const way =
    action === "program" ? "it starts with the record of its site file" : "see the console";
  return fail("cabinet", `the device is 'virtual': it lives inside the running node; ${way}`);
}

/**
 * The command; answers with the exit code. `options` is for tests: another port, typed answers.
 */
export async function runCabinet(args: string[], options: CabinetCommandOptions): Promise<number> {
  const parsed = parseOptions(args, { config: { type: "string" } });
  if (!parsed.ok) return fail("cabinet", parsed.problem);
  const [action] = parsed.rest;
  const config = parsed.values.config;
  const known = action === "program" || action === "status" || action === "reset-help";
  if (!known || parsed.rest.length !== 1 || typeof config !== "string") {
    return fail("cabinet", USAGE);
  }
  const load = await loadSite(config);
  if (!load.ok) return fail("cabinet", load.problems[0] ?? `${config} is no site file`);
  if (load.site.cabinet.device === "virtual") return virtualAnswer(action, options.print);
  const record = compileRecord(load.site);
  const checksum = recordChecksum(record);
  return await atCabinet(action, { ...options, site: load.site, record, checksum });
}

/** `stopline cabinet …` on the terminal. */
export async function run(args: string[]): Promise<number> {
  return await runCabinet(args, TERMINAL);
}
