// Reaches into a running node with Node's own debugger, switched on by SIGUSR1: the product has no
// door for a trial.
import type { Guest } from "./guest.ts";

/** Runs in the guest with the package's Node: evaluates words in main, or in a worker by name. */
const SCRIPT = `
const [where, expression] = process.argv.slice(1);
const list = await (await fetch("http://127.0.0.1:9229/json/list")).json();
const socket = new WebSocket(list[0].webSocketDebuggerUrl);
await new Promise((done) => socket.addEventListener("open", done));
let id = 0;
const send = (method, params) => socket.send(JSON.stringify({ id: ++id, method, params }));
const seen = [];
socket.addEventListener("message", ({ data }) => {
  const { method, params } = JSON.parse(data);
  if (method !== "NodeWorker.attachedToWorker") return;
  const { sessionId, workerInfo } = params;
  seen.push(workerInfo.title);
  if (!workerInfo.title.includes(where)) return;
  const message = { id: 1, method: "Runtime.evaluate", params: { expression } };
  send("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify(message) });
  setTimeout(() => { console.log("done in " + workerInfo.title); process.exit(0); }, 500);
});
if (where === "main") {
  send("Runtime.evaluate", { expression, includeCommandLineAPI: true });
  setTimeout(() => { console.log("done in main"); process.exit(0); }, 500);
} else {
  send("NodeWorker.enable", { waitForDebuggerOnStart: false });
  setTimeout(() => {
    console.log("no " + where + " among " + seen.join(", "));
    process.exit(1);
  }, 10000);
}
`;

/** Evaluates `expression` in the thread `where` (`main`, or a part of a worker's title). */
export async function evaluate(guest: Guest, where: string, expression: string): Promise<void> {
  const words = [where, expression].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const script = SCRIPT.replaceAll("'", "'\\''");
  await guest.text(
    `kill -USR1 "$(systemctl show -P MainPID stopline)"; sleep 1
     /usr/lib/stopline/node --input-type=module -e '${script}' ${words}`,
  );
}
