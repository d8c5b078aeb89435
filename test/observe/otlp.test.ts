// The exporter against a real OTLP receiver: what it sends, and what becomes of spans that the
// receiver does not take or that come too fast.
import t from "tap";
import { SpanExporter } from "../../src/observe/otlp.ts";
import type { Span } from "../../src/wire/trace.ts";
import { until } from "../cli/support.ts";
import { startCollector } from "./collector.ts";

const PATIENCE_MS = 20_000;
const START_MS = 1_700_000_000_000.25;

function span(change: Partial<Span> = {}): Span {
  return {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    parentId: null,
    name: "detect",
    startMs: START_MS,
    endMs: START_MS + 1.5,
    attributes: { detector: 3, on: true },
    ...change,
  };
}

function exporterTo(endpoint: string) {
  const notices: string[] = [];
  const onNotice = (text: string): void => void notices.push(text);
  const exporter = new SpanExporter({ endpoint, node: "r/z/n", version: "1.2.3", onNotice });
  return { exporter, notices };
}

t.test("a span arrives whole", async (t) => {
  const collector = await startCollector(t);
  const { exporter, notices } = exporterTo(`${collector.endpoint}/`);
  exporter.take(span());
  exporter.take(span({ spanId: "00f067aa0ba902b7", parentId: "b7ad6b7169203331", name: "step" }));
  t.ok(await until(() => exporter.exported === 2, PATIENCE_MS));
  await exporter.close();
  t.same(collector.strange, []);
  const [first, second] = collector.spans;
  t.same(first, {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    parentId: "",
    name: "detect",
    startNs: 1_700_000_000_000_250_000n,
    endNs: 1_700_000_000_001_750_000n,
    attributes: { detector: 3, on: true },
    from: "r/z/n",
  });
  t.equal(second?.parentId, "b7ad6b7169203331");
  t.same(notices, []);
});

t.test("a collector that refuses, and one that is not there: counted, said once", async (t) => {
  const collector = await startCollector(t);
  collector.status = 400;
  const { exporter, notices } = exporterTo(collector.endpoint);
  exporter.take(span());
  t.ok(await until(() => exporter.dropped.export === 1, PATIENCE_MS));
  exporter.take(span());
  t.ok(await until(() => exporter.dropped.export === 2, PATIENCE_MS));
  t.equal(notices.length, 1);
  t.match(notices[0], /^traces are lost: the collector at http:\S+ took none: /);
  collector.status = 200;
  exporter.take(span());
  t.ok(await until(() => exporter.exported === 1, PATIENCE_MS));
  t.match(notices[1], /takes traces again$/);
  await exporter.close();
});

t.test("what comes too fast is dropped and counted; a close sends what it can", async (t) => {
  const collector = await startCollector(t);
  const { exporter } = exporterTo(collector.endpoint);
  for (let count = 0; count < 2_100; count += 1) exporter.take(span());
  t.equal(exporter.dropped.full, 52);
  await exporter.close();
  t.ok(exporter.exported <= 512);
  t.equal(exporter.dropped.full, 52);
});
