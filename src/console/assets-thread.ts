// Makes the page's files ready in a thread that ends with its answer.
import { parentPort } from "node:worker_threads";
import { loadAssets } from "./assets.ts";

parentPort?.postMessage(loadAssets());
