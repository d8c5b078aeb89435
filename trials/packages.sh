# Sourced after scripts/setup.sh: what emulated boards need of Debian.

stopline_trial_packages() {
  [ "$(id -u)" = 0 ] ||
    stopline_fail "a virtual board's disks are made as root; run it again with sudo"
  stopline_packages "" mmdebstrap qemu-system-x86 qemu-system-arm qemu-user-static arch-test nbdkit \
    e2fsprogs cpio kmod iproute2
  [ "$(uname -m)" != x86_64 ] || stopline_packages "" user-mode-linux gcc libc6-dev
}
