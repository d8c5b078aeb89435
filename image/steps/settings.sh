# Options of `scripts/image build`, and what does not change between boards.

IMAGE_CACHE="$ROOT/build/image"
IMAGE_SUITE=bookworm
IMAGE_MIRROR=http://deb.debian.org
# What this machine needs; binfmt and the two emulators only for the other processor.
IMAGE_TOOLS=(mmdebstrap squashfs-tools mtools dosfstools e2fsprogs fdisk kmod cpio zstd openssl
  arch-test qemu-user-static)
IMAGE_TRY_TOOLS=(qemu-system-arm qemu-system-x86 qemu-efi-aarch64 openssh-client iproute2
  user-mode-linux gcc libc6-dev)

# MiB. A root has room to grow to three times its size; the smallest card has 4 GB.
IMAGE_BOOT_MIB=384
IMAGE_SLOT_MIB=640
IMAGE_DATA_MIB=256
# The slot records lie before it (image/slot-record.sh).
IMAGE_FIRST_MIB=16

image_options() {
  ARCH=arm64 BOARD='' DEB='' OUT="$ROOT/dist" SIGN='' UPDATE_KEY='' ACCEPTED=no
  while [ $# -gt 0 ]; do
    case $1 in
      --accept-firmware) ACCEPTED=yes && shift && continue ;;
      --arch | --board | --deb | --out | --sign | --update-key) ;;
      *) stopline_fail "image build: '$1' is no option; see scripts/image help" ;;
    esac
    [ $# -ge 2 ] || stopline_fail "image build: $1 needs a value"
    case $1 in
      --arch) ARCH=$2 ;;
      --board) BOARD=$2 ;;
      --deb) DEB=$2 ;;
      --out) OUT=$2 ;;
      --sign) SIGN=$2 ;;
      --update-key) UPDATE_KEY=$2 ;;
    esac
    shift 2
  done
  : "${BOARD:=pi}"
  image_check_options
}

image_check_options() {
  local file
  case "$BOARD-$ARCH" in
    pi-arm64 | uefi-arm64 | virt-arm64 | virt-amd64) ;;
    *) stopline_fail "image build: no board '$BOARD' with '$ARCH'; there are pi, uefi and virt \
with arm64, and virt with amd64" ;;
  esac
  for file in "$DEB" "$SIGN" "$UPDATE_KEY"; do
    [ -z "$file" ] || [ -r "$file" ] || stopline_fail "image build: $file can't be read"
  done
  mkdir -p "$IMAGE_CACHE" "$OUT"
}

# The boot firmware of a Pi is a binary of its maker's; nobody gets it unasked.
image_accept_firmware() {
  [ "$BOARD" = pi ] || return 0
  [ "$ACCEPTED" = no ] || return 0
  local kept="$IMAGE_CACHE/firmware-accepted" answer=''
  [ ! -e "$kept" ] || return 0
  printf '%s\n' "stopline: a Raspberry Pi starts with firmware that is not free software:" \
    "  raspi-firmware and firmware-brcm80211 of Debian's non-free-firmware. Their licences allow" \
    "  use and passing on with these boards; sources are not to be had." >&2
  [ -t 0 ] || stopline_fail "say --accept-firmware to build an image with it"
  read -r -p "Put it into the image? (yes/no) " answer
  [ "$answer" = yes ] || stopline_fail "no image was built"
  touch "$kept"
}

image_find_deb() {
  [ -z "$DEB" ] || return 0
  DEB=$("$ROOT/scripts/package" --arch "$ARCH" --out "$IMAGE_CACHE/deb" | tail -n 1)
  [ -r "$DEB" ] || stopline_fail "scripts/package made no package"
}
