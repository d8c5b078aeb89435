// The trace context's bytes, alone, in a SPaT and in a datagram: none where nothing is traced.
import t from "tap";
import { encodeEnvelope } from "../../src/wire/envelope.ts";
import { packMessage, unpackMessage } from "../../src/wire/packed-message.ts";
import { decodeSpat, encodeSpat, spatToJson } from "../../src/wire/spat.ts";
import { decodeTrace, encodeTrace, TRACE_BYTES } from "../../src/wire/trace.ts";
import { spat } from "../vehicle/true-lamp.ts";

const CONTEXT = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };

t.test("there and back; what is no sampled context is none", async (t) => {
  const bytes = encodeTrace(CONTEXT);
  t.equal(Buffer.from(bytes).toString("hex"), "0af7651916cd43dd8448eb211c80319cb7ad6b716920333101");
  t.same(decodeTrace(bytes), CONTEXT);
  t.equal(decodeTrace(bytes.subarray(1)), null);
  t.equal(decodeTrace(new Uint8Array(TRACE_BYTES)), null, "not sampled");
  t.equal(decodeTrace(encodeTrace({ ...CONTEXT, traceId: "0".repeat(32) })), null);
  t.equal(decodeTrace(encodeTrace({ ...CONTEXT, spanId: "0".repeat(16) })), null);
});

t.test("in an envelope: 26 bytes of a datagram when sampled, none when not", async (t) => {
  const envelope = { kind: "part", origin: "a", incarnation: 1, sequence: 9 } as const;
  const payload = new Uint8Array(20);
  const plain = packMessage(encodeEnvelope({ ...envelope, trace: null, payload }), "a");
  const trace = encodeTrace(CONTEXT);
  const traced = packMessage(encodeEnvelope({ ...envelope, trace, payload }), "a");
  t.equal(plain.length, 1 + 1 + 1 + payload.length);
  t.equal(traced.length - plain.length, 1 + TRACE_BYTES);
  t.same(unpackMessage(traced, "a"), encodeEnvelope({ ...envelope, trace, payload }));
});

t.test("in a SPaT, and not in its JSON twin", async (t) => {
  const plain = spat({ sequence: 1 });
  const trace = encodeTrace(CONTEXT);
  t.notOk("trace" in decodeSpat(encodeSpat(plain)));
  t.same(decodeSpat(encodeSpat({ ...plain, trace })).trace, trace);
  t.same(spatToJson({ ...plain, trace }), spatToJson(plain));
});
