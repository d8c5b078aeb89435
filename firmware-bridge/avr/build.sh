#!/bin/bash
# Builds the ATmega328P image: build.sh [FILE.hex]. Without FILE it replaces the committed one.
# Fails when the image leaves less RAM for the stack than STACK_RESERVE, or fills the flash.
# The same avr-gcc (firmware-bridge/TOOLCHAIN) gives the same bytes, in whatever folder.
set -euo pipefail
here=$(cd -- "$(dirname -- "$0")" && pwd)
hex=${1:-$here/../images/stopline-atmega328p.hex}
case $hex in /*) ;; *) hex=$PWD/$hex ;; esac

RAM=2048
FLASH=32768
STACK_RESERVE=512 # the emulator's tests measure what is used of it, and fail at three quarters

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$here"

avr-gcc -mmcu=atmega328p -DF_CPU=16000000UL -std=c11 -O2 -g0 \
  -Wall -Wextra -Wno-sign-compare -Werror -ffunction-sections -fdata-sections -fno-common \
  -Wl,--gc-sections \
  -o "$work/stopline.elf" ./*.c ../core/*.c
avr-objcopy -O ihex -R .eeprom -R .fuse -R .lock "$work/stopline.elf" "$work/stopline.hex"
avr-objcopy -O binary -j .fuse "$work/stopline.elf" "$work/fuses.bin"

read -r text data bss <<<"$(avr-size "$work/stopline.elf" | awk 'NR == 2 { print $1, $2, $3 }')"
ram=$((data + bss))
flash=$((text + data))
echo "flash $flash of $FLASH bytes, RAM $ram of $RAM bytes, $((RAM - ram)) for the stack"
echo "fuses low high extended: $(od -An -tx1 "$work/fuses.bin" | tr -s ' ' | sed 's/^ //')"
if ((ram + STACK_RESERVE > RAM)); then
  echo "build.sh: $ram bytes of RAM leave less than $STACK_RESERVE for the stack" >&2
  exit 1
fi
if ((flash > FLASH)); then
  echo "build.sh: $flash bytes don't fit the flash" >&2
  exit 1
fi
cp "$work/stopline.hex" "$hex"
