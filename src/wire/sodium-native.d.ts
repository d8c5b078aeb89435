// What `aead.ts` uses of the package, which brings no types of its own.
declare module "sodium-native" {
  /** Writes `sealed`, 16 bytes longer than `content`. */
  // biome-ignore lint/complexity/useMaxParams: the package's own form
  export function crypto_aead_chacha20poly1305_ietf_encrypt(
    sealed: Uint8Array,
    content: Uint8Array,
    associated: Uint8Array,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;

  /** Writes `content`; throws where the tag is another one. */
  // biome-ignore lint/complexity/useMaxParams: the package's own form
  export function crypto_aead_chacha20poly1305_ietf_decrypt(
    content: Uint8Array,
    secretNonce: null,
    sealed: Uint8Array,
    associated: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
}
