// `stopline firewall`: what a site file names is open, and nothing else. The rule sets are loaded
// by the real nft in a network namespace of their own where the machine allows it.
import { spawnSync } from "node:child_process";
import t from "tap";
import { openings, ruleSet } from "../../src/cli/firewall-rules.ts";
import type { SiteModel } from "../../src/core/site/model.ts";
import { parseSite } from "../../src/sitefile/load.ts";
import { folder, runToEnd, siteText, writeSite } from "./support.ts";

const NETWORK = `trust: { keys: /etc/stopline/keys }
links: { address: 0.0.0.0, fast: 8884, reliable: 8885 }
`;

function openText(): string {
  const secure = "{ address: '::', port: 8883, tls: true }";
  const network = "network: { listen: 192.0.2.7:8443, names: [junction-1.example] }";
  return (
    siteText({ console: 8080 })
      .replace(/(port: \d+ \}) \]/, `$1, ${secure} ]`)
      .replace("listen: 127.0.0.1:8080", `listen: 127.0.0.1:8080, ${network}`) + NETWORK
  );
}

function siteOf(text: string): SiteModel {
  const parsed = parseSite(text, "site.yaml");
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.site;
}

function acceptsOf(rules: string): string[] {
  const found = rules.matchAll(/^ *(.*dport \d+ accept) comment "(?!answers)/gm);
  return [...found].map(([, rule]) => rule ?? "");
}

t.test("a junction on loopback opens nothing", async (t) => {
  t.same(openings(siteOf(siteText({ mqtt: 1883, console: 8080 }))), []);
  t.same(acceptsOf(ruleSet(siteOf(siteText()), false)), []);
  t.same(acceptsOf(ruleSet(null, false)), []);
  t.same(acceptsOf(ruleSet(null, true)), ["tcp dport 22 accept"]);
});

t.test("every place of a linked junction, each as narrow as it listens", async (t) => {
  t.same(acceptsOf(ruleSet(siteOf(openText()), false)), [
    "tcp dport 8883 accept",
    "ip daddr 192.0.2.7 tcp dport 8443 accept",
    "meta nfproto ipv4 udp dport 8884 accept",
    "meta nfproto ipv4 tcp dport 8885 accept",
  ]);
});

t.test("a wrong site file gives its problems and the closed rules", async (t) => {
  const file = writeSite(folder(t), "stopline: 1\n");
  const { code, out, err } = await runToEnd(t, ["firewall", file, "--ssh"]);
  t.equal(code, 1);
  t.equal(out, ruleSet(null, true));
  t.match(err, /site\.yaml:1: node: nothing is given/);
  const bare = await runToEnd(t, ["firewall"]);
  t.equal(bare.code, 1);
  t.match(bare.err, /give one site file/);
});

const nft = spawnSync("unshare", ["-rn", "nft", "list", "ruleset"]).status === 0;
const skip = nft ? false : "no nft here, or no network namespace of one's own";

t.test("nft takes the rules, twice, and shows the same", { skip }, async (t) => {
  const rules = ruleSet(siteOf(openText()), true);
  const script = 'printf %s "$1" >/tmp/rules.$$ && nft -f /tmp/rules.$$ && nft -f /tmp/rules.$$';
  const ending = "&& rm /tmp/rules.$$ && nft list chain inet stopline input";
  const { stdout, stderr, status } = spawnSync(
    "unshare",
    ["-rn", "sh", "-c", `${script} ${ending}`, "sh", rules],
    { encoding: "utf8" },
  );
  t.equal(status, 0, stderr);
  t.match(stdout, /policy drop/);
  t.equal(stdout.match(/tcp dport 22 accept/g)?.length, 1, stdout);
  t.match(stdout, /ip daddr 192\.0\.2\.7 tcp dport 8443 accept/);
});
