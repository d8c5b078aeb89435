// What a real Prometheus makes of two real, linked nodes: it scrapes both, finds what DESIGN names,
// and its own tool finds nothing wrong with the text. Every metric stands in the documentation.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { REGION, ZONE } from "../../src/cli/corridor-site.ts";
import { freePort } from "../../src/cli/free-ports.ts";
import { folder, type Stopline, until } from "../cli/support.ts";
import { corridor } from "../node/corridor-rig.ts";
import { systemTest } from "../support/system.ts";
import { testAuthority } from "../trust/keys.ts";

const PATIENCE_MS = 45_000;
const DOCUMENTED = new Set(
  readFileSync(new URL("../../docs/observability.md", import.meta.url), "utf8")
    .split("\n")
    .flatMap((line) => /^\| `([a-z0-9_]+)` \|/.exec(line)?.[1] ?? []),
);
/** A fixed name that Prometheus would end in _total. */
const KNOWN_LINT = 'delta_bytes counter metrics should have "_total" suffix';

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

class Prometheus {
  readonly #origin: string;
  readonly #child: ChildProcess;
  said = "";

  constructor(t: Test, dir: string, port: number, targets: readonly string[]) {
    this.#origin = `http://127.0.0.1:${port}`;
    const config = join(dir, "prometheus.yml");
    const nodes = JSON.stringify(targets);
    writeFileSync(
      config,
      "global: { scrape_interval: 1s }\nscrape_configs:\n" +
        `  - { job_name: stopline, static_configs: [ { targets: ${nodes} } ] }\n`,
    );
    this.#child = spawn("prometheus", [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.said += chunk.toString();
    });
    const exited = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.on("error", (error) => {
      this.said += String(error);
    });
    t.teardown(async () => {
      if (this.#child.pid === undefined || !this.#child.kill("SIGKILL")) return;
      await exited;
    });
  }

  /** Nothing while it does not answer. */
  async query(expression: string): Promise<readonly Sample[]> {
    try {
      const url = `${this.#origin}/api/v1/query?query=${encodeURIComponent(expression)}`;
      const answer = (await (await fetch(url)).json()) as { data: { result: Sample[] } };
      return answer.data.result;
    } catch {
      return [];
    }
  }
}

async function twoJunctions(t: Test, more = ""): Promise<(number: number) => Stopline> {
  const authority = await testAuthority(t, { region: REGION, zone: ZONE });
  return (await corridor(t, authority, 2, (_number, site) => `${site}${more}`)).start;
}

function namesOf(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((found) => found[1] ?? "");
}

function metricsOf(node: Stopline): Promise<string> {
  return node.get("/metrics").then(({ text }) => text);
}

t.test("every metric that the program has a name for is documented", async (t) => {
  const files = ["observe/metrics", "node/mesh-picture", "node/service-figures"];
  files.push("node/service-traces", "node/wear-figures", "node/board-watch");
  const names = files.flatMap((file) => {
    const text = readFileSync(new URL(`../../src/${file}.ts`, import.meta.url), "utf8");
    return [...text.matchAll(/"((?:stopline|event|delta|cache)_[a-z0-9_]+)"/g)];
  });
  t.ok(names.length > 28);
  t.same(
    names.map(([, name = ""]) => name).filter((name) => !DOCUMENTED.has(name)),
    [],
  );
});

systemTest(t, "prometheus scrapes a corridor", async (t) => {
  const start = await twoJunctions(t);
  const nodes = [start(1), start(2)];
  for (const node of nodes) t.ok(await node.opened(), node.err);
  const lags = async (): Promise<boolean> => {
    const texts = await Promise.all(nodes.map(metricsOf));
    return texts.every((text) => /^event_lag_seconds\{/m.test(text));
  };
  t.ok(await until(lags, PATIENCE_MS), "each hears the other");
  const places = nodes.map((node) => new URL(node.origin()).host);
  const prometheus = new Prometheus(t, folder(t), await freePort(), places);

  const bothUp = async () => (await prometheus.query("up == 1")).length === 2;
  t.ok(await until(bothUp, PATIENCE_MS), prometheus.said);
  const wanted = ["event_lag_seconds", "delta_bytes", "cache_hits_total", "cache_requests_total"];
  for (const name of [...wanted, "event_dropped_total", "stopline_incarnation"]) {
    const found = await prometheus.query(name);
    t.same(new Set(found.map(({ metric }) => metric.instance)), new Set(places), name);
  }
  const lag = await prometheus.query("event_lag_seconds");
  t.same(lag.map(({ metric }) => metric.neighbour).sort(), ["junction-1", "junction-2"]);
  t.ok(lag.every(({ value }) => Number(value[1]) >= 0 && Number(value[1]) < 60));
  const [dropped] = await prometheus.query("event_dropped_total");
  t.match(dropped?.metric, { class: String, reason: String });
  const grows = async () =>
    (await prometheus.query("increase(stopline_frames_sent_total[30s]) > 0")).length === 2;
  t.ok(await until(grows, PATIENCE_MS), "a counter that Prometheus can take the rate of");
});

systemTest(t, "promtool finds nothing, and every metric is documented", async (t) => {
  const start = await twoJunctions(t, "traces: { endpoint: 'http://127.0.0.1:9', sample: 1 }\n");
  const node = start(1);
  t.ok(await node.opened(), node.err);
  const lost = async () => /event_dropped_total\{class="span",/.test(await metricsOf(node));
  t.ok(await until(lost, PATIENCE_MS), "a collector that is not there is counted");
  const text = await metricsOf(node);
  const { stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  });
  const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line !== "");
  t.same(
    complaints.filter((line) => line !== KNOWN_LINT),
    [],
  );
  const names = namesOf(text);
  t.ok(names.length > 30);
  t.same(
    names.filter((name) => !DOCUMENTED.has(name)),
    [],
    "in docs/observability.md",
  );
  t.same(names.filter((name) => !name.startsWith("stopline_")).sort(), [
    "cache_hits_total",
    "cache_requests_total",
    "delta_bytes",
    "event_dropped_total",
  ]);
});
