// Tests that need the Debian packages of scripts/packages.txt: left out, and counted as skipped,
// by `scripts/test --without-system`.
import type { Test } from "tap";

/** A subtest that runs only where the system packages are. */
export function systemTest(
  t: Pick<Test, "test">,
  name: string,
  body: (t: Test) => Promise<void>,
): void {
  const skip = process.env.STOPLINE_TEST_WITHOUT_SYSTEM === "1" ? "without system packages" : "";
  t.test(name, skip === "" ? {} : { skip }, body);
}
