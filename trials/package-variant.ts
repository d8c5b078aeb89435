// The package of a trial under another version, made from its own files; broken on purpose where
// that is asked for.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { output, scratch } from "./host.ts";

const BROKEN = 'throw new Error("broken on purpose");\n';

/** Writes `deb` to `to` as `version`; a broken one's node dies at its start. */
export function packageVariant(deb: string, to: string, version: string, broken = false): void {
  const tree = join(scratch(), "tree");
  output("dpkg-deb", ["--raw-extract", deb, tree]);
  const control = join(tree, "DEBIAN/control");
  const text = readFileSync(control, "utf8").replace(/^Version: .*$/m, `Version: ${version}`);
  writeFileSync(control, text);
  if (broken) writeFileSync(join(tree, "usr/lib/stopline/src/cli/run.ts"), BROKEN);
  const options = ["--root-owner-group", "-Zzstd", "-z1"];
  output("dpkg-deb", [...options, "--build", tree, to]);
  rmSync(tree, { recursive: true, force: true });
}
