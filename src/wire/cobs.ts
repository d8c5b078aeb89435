// Consistent overhead byte stuffing (Cheshire and Baker, 1999): a frame without a zero byte, so
// that zero delimits. Frames of the cabinet link are at most 64 bytes: one code byte of overhead.

/** The encoded bytes without delimiter. Longest input here 253 bytes: one block never overflows. */
export function cobsEncode(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 253) throw new Error(`a frame has ${bytes.length} bytes; at most 253 fit`);
  const out = new Uint8Array(bytes.length + 1);
  let codeAt = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte === 0) {
      out[codeAt] = index + 1 - codeAt;
      codeAt = index + 1;
    } else {
      out[index + 1] = byte;
    }
  }
  out[codeAt] = bytes.length + 1 - codeAt;
  return out;
}

/** The decoded bytes, or null when a code points beyond the end or a zero stands inside. */
export function cobsDecode(encoded: Uint8Array): Uint8Array | null {
  const end = encoded.length;
  // The first code byte is the whole overhead, but for one more with each full block.
  const out = new Uint8Array(Math.max(0, end - 1));
  let length = 0;
  let at = 0;
  while (at < end) {
    const code = encoded[at] ?? 0;
    const next = at + code;
    if (code === 0 || next > end) return null;
    for (let index = at + 1; index < next; index++) {
      const byte = encoded[index] ?? 0;
      if (byte === 0) return null;
      out[length++] = byte;
    }
    at = next;
    if (code < 0xff && at < end) length++;
  }
  return length === out.length ? out : out.subarray(0, length);
}
