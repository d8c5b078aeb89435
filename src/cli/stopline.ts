// The command line: finds the command and runs it. Each command loads only what it needs.

interface Command {
  readonly run: (args: string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, { readonly says: string; load: () => Promise<Command> }>> =
  {
    check: {
      says: "FILE [--card|--schema]   is this site file right?",
      load: () => import("./check.ts"),
    },
    run: {
      says: "FILE [--service] [--data DIR] [--for 60s]   run one intersection",
      load: () => import("./run.ts"),
    },
    demo: {
      says: "[--config FILE] [--for 60s] [--sim-neighbours N]   what scripts/run starts",
      load: () => import("./demo.ts"),
    },
    reload: {
      says: "FILE --data DIR   read the site file anew",
      load: () => import("./reload.ts"),
    },
    order: {
      says: "call|hold|plan|priority|flash|return --data DIR   ask a running node",
      load: () => import("./order.ts"),
    },
    why: {
      says: "--data DIR --phase N [--at TIME]   what lay behind a light",
      load: () => import("./why.ts"),
    },
    keys: {
      says: "init|node|vehicle|sensor|operator|reader|revoke|rotate|show   see docs/keys.md",
      load: () => import("./keys.ts"),
    },
    token: {
      says: "add|list|revoke NAME --data DIR   who may log in to the console from elsewhere",
      load: () => import("./token.ts"),
    },
    cabinet: {
      says: "program|status|reset-help   the microcontroller",
      load: () => import("./cabinet.ts"),
    },
    events: {
      says: "--data DIR [--from N] [--kind K] [--format json|csv|indiana]",
      load: () => import("./events.ts"),
    },
    snapshot: {
      says: "list|verify|restore|diff   see docs/log.md",
      load: () => import("./snapshot.ts"),
    },
    replay: {
      says: "FILE.csv --site FILE [--out DIR]   recorded detectors through a node",
      load: () => import("./replay.ts"),
    },
    sim: {
      says: "--seed N --steps M [--nodes K]   whole nodes in virtual time",
      load: () => import("./sim.ts"),
    },
    chaos: {
      says: "--minutes N --seed S [--nodes K]   real processes under faults; see scripts/chaos",
      load: () => import("./chaos.ts"),
    },
    vehicles: {
      says: "--count N --corridor FILE|--url URL [--for 60s] [--json]   drive past running nodes",
      load: () => import("./vehicles.ts"),
    },
    offsets: {
      says: "FILE FILE… --plan N [--favour ahead|back|both] [--svg FILE]   green waves",
      load: () => import("./offsets.ts"),
    },
    backup: {
      says: "[--to PUB] [--out FILE]   site file, log and encrypted keys, beside the running node",
      load: () => import("./backup.ts"),
    },
    restore: {
      says: "FILE --data DIR [--site FILE] [--keys DIR --keys-with IDENTITY]   a backup put back",
      load: () => import("./restore.ts"),
    },
    update: {
      says: "FILE.deb|--spool [--key PUB]   install a signed version, go back if it is not well",
      load: () => import("./update.ts"),
    },
    support: {
      says: "[--out FILE]   a bundle for whoever is asked for help, without secrets",
      load: () => import("./support.ts"),
    },
    firewall: {
      says: "FILE [--ssh]   an nft rule set that opens what the site file names",
      load: () => import("./firewall.ts"),
    },
    setup: {
      says: "FOLDER --to DIR   take a card's first files: site, network, keys",
      load: () => import("./setup.ts"),
    },
    doctor: {
      says: "[FILE] [--data DIR]   is this board ready?  doctor wear: how long does its card last?",
      load: () => import("./doctor.ts"),
    },
  };

function help(): string {
  const lines = Object.entries(COMMANDS).map(([name, { says }]) => `  ${name.padEnd(9)} ${says}`);
  return ["stopline: one intersection on one board", "", ...lines, ""].join("\n");
}

async function main(): Promise<number> {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || name === "help" || name === "--help") {
    process.stdout.write(help());
    return name === undefined ? 1 : 0;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    process.stderr.write(
      `stopline: no command '${name}'; there are: ${Object.keys(COMMANDS).join(", ")}\n`,
    );
    return 1;
  }
  return await (await command.load()).run(args);
}

process.exitCode = await main();
