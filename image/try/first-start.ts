// The first start of a card, with the files that an integrator put on it, looked at from inside and
// from the network.
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { GuestShell } from "../../trials/guest-shell.ts";
import { until } from "../../trials/host.ts";
import type { Board, Reached } from "./machine.ts";
import type { Result } from "./result.ts";

/** Emulated beside a test run, Node takes half a minute to start. */
const SERVICE_MS = 300_000;
const GREENS_MS = 120_000;
const ANSWER_MS = 10_000;

export interface Reach {
  readonly board: Board;
  /** The kernel has one: user-mode Linux lacks tables for both kinds of addresses. */
  readonly firewall: boolean;
  readonly sshKey: string;
  readonly nodeId: string;
}

const GREENS = `exec 3<>/dev/tcp/127.0.0.1/8080
printf 'GET /metrics HTTP/1.1\\r\\nHost: 127.0.0.1:8080\\r\\nConnection: close\\r\\n\\r\\n' >&3
sed -n 's/^stopline_phase_greens_total[^ ]* //p' <&3 | awk '{ sum += $1 } END { print sum + 0 }'`;

/** MQTT 3.1.1 CONNECT of a client "try", clean session; the answer in hexadecimal. */
const CONNECT = `exec 3<>/dev/tcp/127.0.0.1/1883
printf '\\020\\017\\000\\004MQTT\\004\\002\\000\\074\\000\\003try' >&3
head -c 4 <&3 | od -An -tx1 | tr -d ' '`;

/** Session not present, accepted. */
const CONNACK = "20020000";

async function textOf(shell: GuestShell, script: string): Promise<string> {
  const answer = await shell.run(script);
  return answer === null ? "the board went down" : answer.text.trim();
}

/** The service is up and its console answers; seconds since power-on as the board counts them. */
export async function serviceUp(shell: GuestShell, result: Result, what: string): Promise<number> {
  const script = "systemctl is-active stopline && /usr/lib/stopline-image/console-answers";
  const up = await until(SERVICE_MS, async () => (await shell.run(script))?.code === 0, 1_000);
  const words = up ? "" : await textOf(shell, "systemctl status stopline; journalctl -b -n 30");
  result.check(what, up, words);
  return Number(await textOf(shell, "cut -d ' ' -f 1 /proc/uptime"));
}

async function checkNode(shell: GuestShell, result: Result): Promise<void> {
  const seen = Number(await textOf(shell, GREENS));
  const moved = await until(
    GREENS_MS,
    async () => Number(await textOf(shell, GREENS)) > seen,
    2_000,
  );
  result.check("lamps of the virtual cabinet move", moved, `${seen} greens and no more`);
  // A client that is cut off on a starved machine comes again; so does this one.
  const taken = async () => (await textOf(shell, CONNECT)) === CONNACK;
  result.check("the broker takes a client", await until(GREENS_MS, taken, 1_000));
  const doctor = "stopline doctor /etc/stopline/site.yaml --data /var/lib/stopline";
  const script = `systemctl stop stopline; ${doctor}; echo "code $?"; systemctl start stopline`;
  const said = await textOf(shell, script);
  result.like("stopline doctor finds nothing that fails", said, /^code 0$/m);
  const warnings = said.split("\n").filter((line) => line.startsWith("warn"));
  const strange = warnings.filter((line) => !/^warn +(clock|monitor)/.test(line));
  result.same("and warns of the clock alone, as no time server is there", strange.join("\n"), "");
}

async function checkRoot(shell: GuestShell, result: Result, { firewall }: Reach): Promise<void> {
  const root = await textOf(shell, "findmnt -n -o FSTYPE,OPTIONS /; touch /usr/x /etc/x 2>&1");
  result.like(
    "the root is read-only",
    root,
    /^squashfs +ro[\s\S]*\/usr\/x'.*Read-only[\s\S]*\/etc\/x'/,
  );
  const data = await textOf(
    shell,
    "findmnt -n -o FSTYPE /data; df -BM --output=size /data | tail -n 1",
  );
  const size = Number(/(\d+)M/.exec(data)?.[1] ?? 0);
  result.check("the data partition took the rest of the card", size > 1_000, data);
  const where = "for at in /var /etc/stopline /etc/machine-id; do findmnt -n -o FSTYPE $at; done";
  const kinds = await textOf(shell, where);
  result.same("data, settings and the board's number live there", kinds, "ext4\next4\next4");
  const secrets = "cut -d : -f 2 /etc/shadow | grep -v '^[*!]' | wc -l";
  result.same("no account has a password", await textOf(shell, secrets), "0");
  const list = "systemctl --failed --plain --no-legend | cut -d ' ' -f 1";
  const names = (await textOf(shell, list)).split("\n");
  const failed = names
    .filter((name) => firewall || !name.startsWith("stopline-firewall"))
    .join(" ");
  result.same("no unit failed", failed, "");
}

async function checkSetUp(shell: GuestShell, result: Result, { nodeId }: Reach): Promise<void> {
  result.same("the host's name is the node's", await textOf(shell, "hostname"), nodeId);
  const address = await textOf(shell, "ip -4 -o address show scope global");
  result.like("it has the address of the set-up", address, /10\.0\.2\.15\/24/);
  const keys = await textOf(shell, "stat -c '%a %U %n' /etc/stopline/keys /etc/stopline/keys/*");
  result.like("keys are root's alone", keys, /^700 root \S+keys\n(600 root \S+\n?){3}$/);
  const left = "cd /boot/stopline-setup && ls -I '*.example'";
  result.same("what was taken left the boot partition", await textOf(shell, left), FILES_LEFT);
  const traces = "grep -c 'PRIVATE KEY' /dev/disk/by-label/STOPLINE";
  result.same("and nothing of the key can be read there", await textOf(shell, traces), "0");
  const mode = await textOf(shell, "findmnt -n -o OPTIONS /boot");
  result.like("the boot partition is read-only again", mode, /^ro,/);
}

const FILES_LEFT = "README.txt\napplied.txt";

/** Does anything come back from a port of the board? An emulator takes any connection itself. */
async function answers({ host, port }: Reached, secure: boolean): Promise<boolean> {
  const socket = secure
    ? connectTls({ host, port, rejectUnauthorized: false })
    : connect({ host, port });
  const came = await new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), ANSWER_MS);
    socket.once(secure ? "secureConnect" : "data", () => resolve(true));
    socket.on("error", () => resolve(false));
  });
  socket.destroy();
  return came;
}

const LISTENING =
  "ss -H -tuln | awk '{ print $1, $5 }' | grep -v -e ' 127\\.' -e ' \\[::1\\]' | sort -u";
const LISTENS = [
  "tcp 0.0.0.0:22",
  "tcp 0.0.0.0:8883",
  "tcp 0.0.0.0:8885",
  "tcp [::]:22",
  "udp 0.0.0.0:8884",
].join("\n");

async function checkNetwork(shell: GuestShell, result: Result, reachable: Reach): Promise<void> {
  await until(GREENS_MS, async () => (await textOf(shell, LISTENING)) === LISTENS, 1_000);
  result.same("what is named listens, and nothing else", await textOf(shell, LISTENING), LISTENS);
  if (reachable.firewall) await checkFirewall(shell, result, reachable);
  await checkFromOutside(result, reachable);
}

async function checkFirewall(shell: GuestShell, result: Result, { board }: Reach): Promise<void> {
  const shown = "nft list chain inet stopline input | grep -o '.* dport [0-9]*'";
  const rules = [...(await textOf(shell, shown)).matchAll(/(tcp|udp) dport (\d+)/g)];
  const open = rules.map(([, kind, port]) => `${kind} ${port}`);
  const named = open.filter((entry) => entry !== "udp 546").sort();
  const what = "the firewall opens what the site file names, and ssh";
  result.same(what, named.join(", "), "tcp 22, tcp 8883, tcp 8885, udp 8884");
  // Something listens there, so that silence is the firewall's doing.
  void shell.run(`timeout 60 /usr/lib/stopline/node -e '
    require("net").createServer((one) => one.write("in")).listen(9999, "0.0.0.0")' &`);
  const listens = "ss -H -tln sport = 9999 | grep -q 9999";
  await until(30_000, async () => (await shell.run(listens))?.code === 0, 500);
  result.check("a port that nobody named is closed", !(await answers(board.reach(9_999), false)));
}

async function checkFromOutside(result: Result, { board, sshKey }: Reach): Promise<void> {
  result.check("the broker's port is open", await answers(board.reach(8_883), true));
  const ssh = board.reach(22);
  const words = ["-i", sshKey, "-p", String(ssh.port), "-o", "StrictHostKeyChecking=no"];
  const more = [
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "BatchMode=yes",
    "-o",
    "ConnectTimeout=60",
  ];
  const login = (key: string[]): string =>
    spawnSync("ssh", [...key, ...more, `root@${ssh.host}`, "echo in"], { encoding: "utf8" }).stdout;
  result.same("the operator's key logs in", login(words).trim(), "in");
  result.same("without it nobody does", login(words.slice(2)).trim(), "");
}

/** Everything that a card's first start has to be; seconds until its service was up. */
export async function checkFirstStart(
  shell: GuestShell,
  result: Result,
  reachable: Reach,
): Promise<number> {
  const upS = await serviceUp(shell, result, "the service is up");
  result.figure("service_up_s", upS);
  await checkSetUp(shell, result, reachable);
  await checkRoot(shell, result, reachable);
  await checkNetwork(shell, result, reachable);
  await checkNode(shell, result);
  await serviceUp(shell, result, "and comes back");
  return upS;
}
