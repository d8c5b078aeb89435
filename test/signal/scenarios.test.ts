// Every scenario of scenarios/*.txt against the controller.
import { readdirSync, readFileSync } from "node:fs";
import t from "tap";
import { createController } from "../../src/core/signal/controller.ts";
import { readScenarios } from "./scenario-file.ts";
import { runScenario } from "./scenario-run.ts";

const FOLDER = new URL("scenarios/", import.meta.url);

for (const name of readdirSync(FOLDER).filter((entry) => entry.endsWith(".txt"))) {
  t.test(name, async (t) => {
    const scenarios = readScenarios(readFileSync(new URL(name, FOLDER), "utf8"));
    t.ok(scenarios.length > 0, "holds scenarios");
    for (const scenario of scenarios) {
      const { ok, report } = runScenario(scenario, createController);
      t.ok(ok, ok ? scenario.title : report);
    }
  });
}
