// Commands of a page as a person reads them: the fenced blocks, and what stands behind the fence
// about where they are run:
//
//   ```sh on=clone                   in a fresh clone of this repository, as its root
//   ```sh on=board                   on a board with the package installed, as root
//   ```sh on=image                   as on=clone, as root, where card images are to be made
//   ```sh on=net                     beside an eth0 that leads nowhere
//   ```sh on=ci                      where .ci/run does it already, with these very words
//   ```sh on=test by=FILE            in that test, since it takes a person at a cabinet
//
//   exit=1          it ends with this code
//   seconds=600     it may take so long, 120 otherwise
//   set:CARD=card   the line CARD=… of the page is this one instead: a file for a real device
//   given=NAME      what the page takes as given: the commands of `given/NAME.sh` come first
//   stand-in=tool   hardware that is not there: the program of `stand-ins/tool` goes before it
//
// Blocks of one page and place follow each other in one folder, as a reader runs them.

export const PLACES = ["clone", "image", "board", "net", "ci", "test"] as const;
export type Place = (typeof PLACES)[number];

export interface Block {
  readonly page: string;
  /** Of the first command, from 1. */
  readonly line: number;
  readonly place: Place;
  readonly script: string;
  readonly exit: number;
  readonly seconds: number;
  readonly standIns: readonly string[];
  readonly given: readonly string[];
  /** The test that runs it; empty for other places. */
  readonly by: string;
}

export interface PageProblem {
  readonly page: string;
  readonly line: number;
  readonly says: string;
}

/** Blocks in these languages are no commands. */
const NO_COMMANDS = new Set(["yaml", "json", "text", "ini", "ts", "c", "mermaid"]);
const SECONDS = 120;

interface Fence {
  readonly line: number;
  readonly words: string;
  /** Within a list a block stands further in. */
  readonly indent: number;
  readonly lines: string[];
}

function fences(text: string): Fence[] {
  const found: Fence[] = [];
  let open: Fence | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^( {0,3})```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line.replace(/^ */, (all) => all.slice(open?.indent)));
    else if (open === null) {
      const [, indent = "", words = ""] = fence;
      open = { line: index + 2, words: words.trim(), indent: indent.length, lines: [] };
    } else {
      found.push(open);
      open = null;
    }
  }
  return found;
}

function withSet(lines: readonly string[], name: string, value: string): string[] | null {
  const at = lines.findIndex((line) => line.startsWith(`${name}=`));
  return at < 0 ? null : lines.with(at, `${name}=${value}`);
}

/** A block while its options are taken one by one; each may say what is wrong with it. */
class Reading {
  place: Place | null = null;
  exit = 0;
  seconds = SECONDS;
  by = "";
  readonly standIns: string[] = [];
  readonly given: string[] = [];
  script: readonly string[];

  constructor(script: readonly string[]) {
    this.script = script;
  }

  take(option: string): string | null {
    const [name = "", value = ""] = option.split(/=(.*)/s);
    if (name.startsWith("set:")) return this.#set(name.slice(4), value);
    switch (name) {
      case "on":
        this.place = PLACES.find((one) => one === value) ?? null;
        return null;
      case "exit":
        this.exit = Number(value);
        return Number.isInteger(this.exit) ? null : `exit=${value} is no exit code`;
      case "seconds":
        this.seconds = Number(value);
        return this.seconds > 0 ? null : `seconds=${value} is no time`;
      case "stand-in":
        this.standIns.push(value);
        return null;
      case "given":
        this.given.push(value);
        return null;
      case "by":
        this.by = value;
        return null;
      default:
        return `an option ${option} that nobody knows`;
    }
  }

  #set(name: string, value: string): string | null {
    const changed = withSet(this.script, name, value);
    this.script = changed ?? this.script;
    return changed === null ? `no line ${name}=… to set` : null;
  }
}

/** One block, or what is wrong with what stands behind its fence. */
function blockOf(page: string, { line, words, lines }: Fence): Block | PageProblem {
  const wrong = (says: string): PageProblem => ({ page, line: line - 1, says });
  const [language, ...options] = words.split(/\s+/);
  if (language !== "sh") return wrong(`a block of "${words}"; use sh on=…, or yaml, json, text`);
  const reading = new Reading(lines);
  for (const option of options) {
    const problem = reading.take(option);
    if (problem !== null) return wrong(problem);
  }
  const { place, ...rest } = reading;
  if (place === null) return wrong(`where it is run is not said; use on=${PLACES.join(", on=")}`);
  if ((place === "test") !== (rest.by !== "")) return wrong("on=test and by=FILE go together");
  return { page, line, place, ...rest, script: reading.script.join("\n") };
}

/** All commands of a page, and each block that can't be run as it stands. */
export function blocksOf(page: string, text: string): { blocks: Block[]; problems: PageProblem[] } {
  const blocks: Block[] = [];
  const problems: PageProblem[] = [];
  for (const fence of fences(text)) {
    if (NO_COMMANDS.has(fence.words.split(/\s+/)[0] ?? "")) continue;
    const block = blockOf(page, fence);
    if ("says" in block) problems.push(block);
    else blocks.push(block);
  }
  return { blocks, problems };
}
