// The part of a site file that says who may reach the node, and whom it reaches.
import * as z from "zod";
import { name, number, whole } from "./schema-parts.ts";

const port = (says: string) => whole(0, 65_535, says);

export const listener = z.strictObject({
  address: z.string().max(64).describe("a loopback address, or any with tls: true"),
  port: port("a TCP port; 0 takes a free one"),
  tls: z.boolean().describe("TLS, where every client shows a certificate").optional(),
});

export const trustEntry = z.strictObject({
  keys: z
    .string()
    .regex(/^\/[^\p{Cc}]{1,200}$/u)
    .describe("absolute path of the folder with ca.crt, node.crt and node.key"),
});

export const linksEntry = z.strictObject({
  address: z.string().max(64).describe("the address that neighbours reach this node at"),
  fast: port("UDP port of the fast lane, such as 8884"),
  reliable: port("TCP port of the reliable lane, such as 8885"),
});

export const neighbourEntry = z.strictObject({
  address: z.string().max(64).describe("its IP address"),
  fast: whole(1, 65_535, "UDP port of its fast lane"),
  reliable: whole(1, 65_535, "TCP port of its reliable lane"),
  approach: name("the approach on which its vehicles arrive here").optional(),
  length: number(20, 20_000, "from its stop line to this node's, m").optional(),
  speed: number(1, 40, "of a platoon on the way, m/s").optional(),
});

export const tracesEntry = z.strictObject({
  endpoint: z
    .string()
    .regex(/^https?:\/\/[^\s/@?#]{1,200}$/)
    .describe("a collector's address such as http://127.0.0.1:4318"),
  sample: number(0, 1, "how many of all traces are kept"),
});
