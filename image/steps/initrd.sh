# The initrd: busybox, image/initrd/init, and the drivers that a root may lie behind.

# Folders and modules below kernel/ of the drivers' tree; what they need comes along.
IMAGE_DRIVERS=(fs/ext4 fs/squashfs fs/fat fs/nls drivers/block/loop.ko drivers/block/virtio_blk.ko
  drivers/virtio drivers/mmc drivers/usb/host drivers/usb/storage drivers/usb/dwc2
  drivers/usb/dwc3 drivers/usb/chipidea drivers/usb/musb drivers/usb/phy drivers/scsi/sd_mod.ko
  drivers/scsi/virtio_scsi.ko drivers/ata drivers/nvme/host drivers/phy drivers/regulator
  drivers/clk drivers/gpio drivers/pinctrl drivers/dma drivers/mailbox drivers/firmware
  drivers/soc drivers/reset drivers/pci/controller drivers/i2c/busses drivers/mfd
  drivers/power/supply drivers/nvmem drivers/pwm arch crypto lib)

image_copy_drivers() { # TREE
  local from="$KERNEL/usr/lib/modules/$KERNEL_VERSION" part
  mkdir -p "$1/lib/modules/$KERNEL_VERSION"
  for part in "${IMAGE_DRIVERS[@]}"; do
    [ -e "$from/kernel/$part" ] || continue
    find "$from/kernel/$part" -name '*.ko' -printf '%f\n'
  done | sed 's/\.ko$//' | sort -u | image_with_needed | sort -u |
    (cd "$KERNEL/usr/lib/modules" && cpio -pdm --quiet "$1/lib/modules")
  cp "$from"/modules.{builtin,builtin.modinfo,order} "$1/lib/modules/$KERNEL_VERSION/"
  depmod -b "$1" "$KERNEL_VERSION"
}

# Paths of the modules that stand in modules.dep for each name, those they need included.
image_with_needed() {
  awk -v version="$KERNEL_VERSION" '
    function stem(path) { sub(/.*\//, "", path); sub(/\.ko$/, "", path); return path }
    FNR == NR { split($0, half, ": *"); line[stem(half[1])] = $0; next }
    $1 in line {
      count = split(line[$1], words, /[: ]+/)
      for (at = 1; at <= count; at += 1) if (words[at] != "") print version "/" words[at]
    }
  ' "$KERNEL/usr/lib/modules/$KERNEL_VERSION/modules.dep" -
}

image_make_initrd() {
  local tree="$IMAGE_WORK/initrd"
  mkdir -p "$tree"/{bin,dev,proc,sys,run,root,lib}
  cp "$BASE_ROOT/bin/busybox" "$tree/bin/busybox"
  install -m 0755 "$ROOT/image/initrd/init" "$tree/init"
  install -m 0644 "$ROOT/image/slot-record.sh" "$tree/slot-record.sh"
  mknod -m 0600 "$tree/dev/console" c 5 1
  image_copy_drivers "$tree"
  INITRD="$IMAGE_WORK/initrd.img"
  (cd "$tree" && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet) | zstd -q -9 >"$INITRD"
}
