#!/bin/sh
# Builds an image of the firmware: build.sh wasm [FILE] or build.sh avr [FILE]. Without FILE it
# replaces the committed one in images/. The same compiler (TOOLCHAIN) gives the same bytes.
set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
cd "$here"

build_wasm() {
  clang --target=wasm32 -std=c11 -O2 -ffreestanding -nostdlib -fno-builtin -g0 \
    -Wall -Wextra -Werror -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=4096 \
    -Wl,--initial-memory=65536 -Wl,--max-memory=65536 \
    -o "$1" wasm/adapter.c core/*.c
}

case "${1:-}" in
  wasm) build_wasm "${2:-images/stopline-core.wasm}" ;;
  avr) exec ./avr/build.sh "${2:-images/stopline-atmega328p.hex}" ;;
  *)
    echo "usage: build.sh wasm|avr [FILE]" >&2
    exit 2
    ;;
esac
