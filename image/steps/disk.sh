# The boot partition and the disk. Four partitions in a table that the firmware of every board
# reads: boot, root a, root b, data.

image_command_line() {
  local console
  case "$BOARD-$ARCH" in
    pi-*) console='console=tty0 console=ttyS1,115200' ;;
    uefi-*) console='console=tty0' ;;
    virt-arm64) console='console=ttyAMA0' ;;
    *) console='console=ttyS0' ;;
  esac
  echo "$console panic=10 loglevel=5 systemd.show_status=error stopline.disk=$SIGNATURE"
}

image_boot_pi() { # FOLDER
  local firmware="$KERNEL/usr/lib/raspi-firmware"
  cp "$firmware"/{bootcode.bin,start.elf,fixup.dat,start4.elf,fixup4.dat} "$1/"
  cp "$KERNEL/usr/lib/linux-image-$KERNEL_VERSION/broadcom"/bcm*-rpi-*.dtb "$1/"
  mkdir -p "$1/overlays"
  cp "$ROOT/image/boot/config.txt" "$1/config.txt"
  image_command_line >"$1/cmdline.txt"
}

image_boot_uefi() { # FOLDER
  mkdir -p "$1/EFI/BOOT" "$1/loader/entries"
  cp "$KERNEL"/usr/lib/systemd/boot/efi/systemd-bootaa64.efi "$1/EFI/BOOT/BOOTAA64.EFI"
  printf 'default stopline\ntimeout 0\neditor no\n' >"$1/loader/loader.conf"
  {
    printf 'title Stopline\nlinux /vmlinuz\ninitrd /initrd.img\n'
    echo "options $(image_command_line)"
  } >"$1/loader/entries/stopline.conf"
}

image_make_boot() {
  SIGNATURE=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
  local boot="$IMAGE_WORK/boot"
  mkdir -p "$boot/stopline-setup"
  cp "$KERNEL/boot/vmlinuz-$KERNEL_VERSION" "$boot/vmlinuz"
  cp "$INITRD" "$boot/initrd.img"
  mksquashfs "$KERNEL/usr/lib/modules" "$boot/modules-$KERNEL_VERSION.squashfs" -comp zstd -Xcompression-level 6 \
    -all-root -quiet -no-progress -noappend >&2
  cp "$ROOT/image/boot/stopline-setup/"* "$boot/stopline-setup/"
  case $BOARD in
    pi) image_boot_pi "$boot" ;;
    uefi) image_boot_uefi "$boot" ;;
    virt) image_command_line >"$boot/cmdline.txt" ;;
  esac
  BOOT_FILE="$IMAGE_WORK/boot.fat"
  truncate -s "${IMAGE_BOOT_MIB}M" "$BOOT_FILE"
  mkfs.vfat -F 32 -n STOPLINE -i "$SIGNATURE" "$BOOT_FILE" >&2
  (cd "$boot" && mcopy -s -m -i "$BOOT_FILE" ./* ::)
}

image_table() {
  local at=$IMAGE_FIRST_MIB kind=c
  [ "$BOARD" = pi ] || kind=ef
  echo "label: dos"
  echo "label-id: 0x$SIGNATURE"
  echo "start=${at}MiB, size=${IMAGE_BOOT_MIB}MiB, type=$kind, bootable"
  at=$((at + IMAGE_BOOT_MIB))
  echo "start=${at}MiB, size=${IMAGE_SLOT_MIB}MiB, type=83"
  at=$((at + IMAGE_SLOT_MIB))
  echo "start=${at}MiB, size=${IMAGE_SLOT_MIB}MiB, type=83"
  at=$((at + IMAGE_SLOT_MIB))
  echo "start=${at}MiB, size=${IMAGE_DATA_MIB}MiB, type=83"
}

image_place() { # FILE MIB
  dd if="$1" of="$DISK" bs=1M seek="$2" conv=notrunc,sparse status=none
}

image_make_disk() {
  local slot_at=$((IMAGE_FIRST_MIB + IMAGE_BOOT_MIB)) data_at data="$IMAGE_WORK/data.ext4"
  DISK="$IMAGE_WORK/disk.img"
  data_at=$((slot_at + 2 * IMAGE_SLOT_MIB))
  truncate -s "$((data_at + IMAGE_DATA_MIB))M" "$DISK"
  image_table | sfdisk --quiet --no-tell-kernel "$DISK" >&2
  truncate -s "${IMAGE_DATA_MIB}M" "$data"
  # An error of the card must not spread: the data becomes read-only and the node says so.
  # Block size and journal are those of the card that it will fill, not of this small file.
  mke2fs -q -t ext4 -L stopline-data -b 4096 -J size=32 -e remount-ro -E lazy_itable_init=0 "$data"
  image_place "$BOOT_FILE" "$IMAGE_FIRST_MIB"
  image_place "$SLOT" "$slot_at"
  image_place "$data" "$data_at"
  image_first_record
  image_hand_out
}

# A new card knows slot a, confirmed: there is no other one to fall back to.
image_first_record() {
  (
    source "$ROOT/image/slot-record.sh"
    slot_read "$DISK" || slot_write "$DISK" || stopline_fail "the slot record was not written"
  )
}

# As `stopline update` checks it: Ed25519 over a prefix of its own and the file's SHA-256.
image_sign() { # FILE
  local message="$IMAGE_WORK/message" hash
  hash=$(sha256sum <"$1" | cut -c 1-64)
  {
    printf 'stopline-update-1\0'
    # shellcheck disable=SC2059 # the format is the bytes
    printf "$(sed 's/../\\x&/g' <<<"$hash")"
  } >"$message"
  openssl pkeyutl -sign -rawin -inkey "$SIGN" -in "$message" -out "$1.sig" >&2 ||
    stopline_fail "$SIGN did not sign; use an Ed25519 private key in PEM"
}

image_hand_out() {
  local name="$OUT/stopline_${VERSION}_${ARCH}_${BOARD}"
  mv "$DISK" "$name.img"
  mv "$SLOT" "$name.slot"
  rm -f "$name.slot.sig"
  [ -z "$SIGN" ] || image_sign "$name.slot"
  IMAGE_FILE="$name.img"
}
