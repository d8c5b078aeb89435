// What a person sees on the terminal and what journald gets.
import t from "tap";
import { createLogger, type LogStyle, levelFrom, styleFrom } from "../../src/observe/logging.ts";

function linesOf(style: LogStyle, text: string): string[] {
  const lines: string[] = [];
  const logger = createLogger({
    thread: "service",
    level: "info",
    style,
    write: (line) => void lines.push(line),
  });
  logger.debug("too quiet to be seen");
  logger.warn(text, { port: 1883 });
  return lines;
}

t.test("JSON lines carry level, syslog priority, thread and fields", async (t) => {
  const lines = linesOf("json", "port taken");
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ""), {
    level: "warn",
    priority: 4,
    thread: "service",
    msg: "port taken",
    port: 1883,
    time: /^\d{4}-\d\d-\d\dT.*Z$/,
  });
});

t.test("journald gets the priority in front of the line", async (t) => {
  t.match(linesOf("journal", "port taken")[0], /^<4>\{"level":"warn"/);
});

t.test("a terminal gets one readable line, whatever the text holds", async (t) => {
  const [line = ""] = linesOf("terminal", "port taken\n\u001b[31mby another");
  t.match(
    line,
    /^\d\d:\d\d:\d\d\.\d{3} warn {2}service: port taken\\n\\u001b\[31mby another {2}port=1883\n$/,
  );
});

t.test("a line that can't be written is counted and forgotten", async (t) => {
  const logger = createLogger({
    thread: "service",
    style: "json",
    write: () => {
      throw new Error("EAGAIN");
    },
  });
  logger.error("nobody reads");
  t.equal(logger.lost(), 1);
});

t.test("the environment chooses level and style", async (t) => {
  t.equal(levelFrom("debug"), "debug");
  t.equal(levelFrom("loud"), "info");
  t.equal(styleFrom("8:123"), "journal");
});
