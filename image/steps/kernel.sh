# Debian's kernel, its drivers and a board's firmware, unpacked and never installed: their scripts
# take ten minutes under emulation and make an initrd that is not ours.

image_kernel_meta() {
  case "$BOARD-$ARCH" in
    virt-*) echo "linux-image-cloud-$ARCH" ;;
    *) echo "linux-image-$ARCH" ;;
  esac
}

image_more_packages() {
  case $BOARD in
    pi) echo raspi-firmware firmware-brcm80211 ;;
    uefi) echo systemd-boot-efi ;;
  esac
}

image_fetch_kernel() {
  local package more=()
  image_apt update >&2
  package=$(image_kernel_package "$(image_kernel_meta)")
  read -r -a more <<<"$(image_more_packages)" || true
  KERNEL="$IMAGE_CACHE/kernel-$ARCH-$BOARD-$package"
  if [ ! -e "$KERNEL/complete" ]; then
    printf 'stopline: fetching %s %s\n' "$package" "${more[*]}" >&2
    rm -rf "$KERNEL"
    image_unpack "$KERNEL" "$package" "${more[@]}"
    image_merge_usr "$KERNEL"
    image_depmod
    touch "$KERNEL/complete"
  fi
  KERNEL_VERSION=$(basename "$KERNEL"/usr/lib/modules/*)
}

# Packages of this suite still carry files in /lib, which is /usr/lib.
image_merge_usr() { # TREE
  mkdir -p "$1/usr/lib"
  cp -al "$1/lib/." "$1/usr/lib/"
  rm -rf "$1/lib"
  ln -s usr/lib "$1/lib"
}

# What no junction has: drivers of screens, sound, cameras and clusters.
image_depmod() {
  local modules
  modules=$(echo "$KERNEL"/usr/lib/modules/*)
  rm -rf "$modules"/kernel/{sound,drivers/media,drivers/infiniband} \
    "$modules"/kernel/drivers/gpu/drm/{amd,nouveau,radeon,i915,msm,etnaviv,panfrost,lima}
  find "$modules" -name '*.ko.xz' -exec xz -d {} +
  depmod -b "$KERNEL" "$(basename "$modules")"
}
