# The root: Debian, kept by its list of packages; then the product and what the card adds.

# Numbers that data on the card is owned by: the same in every root that ever reads it.
IMAGE_USERS=(stopline:750 systemd-resolve:751 messagebus:752 _chrony:753 sshd:754
  systemd-network:755 systemd-timesync:756)
IMAGE_GROUPS=(stopline:750 stopline-cabinet:760 systemd-resolve:751 messagebus:752 _chrony:753
  systemd-network:755 systemd-timesync:756 systemd-journal:761 input:762 sgx:763 kvm:764
  render:765 _ssh:766 netdev:767)
IMAGE_ENABLE=(stopline-setup.service stopline-firewall.service stopline-firewall-follow.path
  stopline-slot-good.service stopline-console-line.service tmp.mount systemd-networkd.service
  systemd-resolved.service chrony.service ssh.service fstrim.timer)
# A login without a password is no login; the root is written by no package manager.
IMAGE_MASK=(getty.target console-getty.service serial-getty@.service getty@.service
  systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
  e2scrub_all.timer e2scrub_reap.service ssh.socket nftables.service)

# Programs of the other processor run here, chroots included: the kernel opens the emulator once.
image_emulate() {
  local place=/proc/sys/fs/binfmt_misc bytes='' mask=''
  [ "$ARCH" = arm64 ] && [ "$(uname -m)" != aarch64 ] || return 0
  [ -e "$place/register" ] || mount -t binfmt_misc binfmt_misc "$place"
  [ -z "$(find "$place" -name 'qemu-aarch64*')" ] || return 0
  bytes='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":qemu-aarch64:M::$bytes:$mask:/usr/bin/qemu-aarch64-static:FP" >"$place/register"
}

image_add_users() { # ROOT
  local entry
  for entry in "${IMAGE_GROUPS[@]}"; do
    echo "${entry%:*}:x:${entry#*:}:" >>"$1/etc/group"
    echo "${entry%:*}:!::" >>"$1/etc/gshadow"
  done
  sed -i 's/^stopline-cabinet:x:760:$/&stopline/' "$1/etc/group"
  for entry in "${IMAGE_USERS[@]}"; do
    image_user "${entry%:*}" "${entry#*:}" "$1"
  done
}

image_user() { # NAME NUMBER ROOT
  local group=$2 home=/nonexistent
  case $1 in
    stopline) home=/var/lib/stopline ;;
    _chrony) home=/var/lib/chrony ;;
    sshd) home=/run/sshd group=65534 ;;
  esac
  echo "$1:x:$2:$group::$home:/usr/sbin/nologin" >>"$3/etc/passwd"
  echo "$1:!:1::::::" >>"$3/etc/shadow"
}

image_key() { # TEXT
  printf '%s' "$1" | sha256sum | cut -c 1-12
}

image_base_root() {
  local recipe
  recipe=$(declare -p IMAGE_PACKAGES IMAGE_USERS IMAGE_GROUPS IMAGE_SUITE; declare -f image_user)
  BASE_ROOT="$IMAGE_CACHE/root-$ARCH-$(image_key "$recipe")"
  [ -d "$BASE_ROOT" ] || image_make_base_root
  [ "$BOARD" = pi ] || return 0
  BASE_ROOT="$BASE_ROOT-$(image_key "${IMAGE_RADIO_PACKAGES[*]}")"
  [ -d "$BASE_ROOT" ] || image_make_radio_root "${BASE_ROOT%-*}"
}

image_make_base_root() {
  local sources=()
  mapfile -t sources < <(image_sources main)
  printf 'stopline: making a Debian root for %s (once; emulated up to ten minutes)\n' "$ARCH" >&2
  image_emulate
  rm -rf "$BASE_ROOT.new"
  mmdebstrap --quiet --variant=minbase --mode=root "--architectures=$ARCH" \
    --include="$(printf '%s,' "${IMAGE_PACKAGES[@]}")" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --aptopt='Acquire::Languages "none"' \
    --essential-hook="bash -c 'source \"$ROOT/image/steps/root.sh\"; image_add_users \"\$1\"' - \"\$1\"" \
    "$IMAGE_SUITE" "$BASE_ROOT.new" "${sources[@]}" >&2
  mv "$BASE_ROOT.new" "$BASE_ROOT"
}

image_make_radio_root() { # FROM
  printf 'stopline: adding what a radio needs (once)\n' >&2
  image_emulate
  rm -rf "$BASE_ROOT.new"
  cp -a --reflink=auto "$1" "$BASE_ROOT.new"
  cp --remove-destination /etc/resolv.conf "$BASE_ROOT.new/etc/resolv.conf"
  chroot "$BASE_ROOT.new" sh -c "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get \
    install -qq -y --no-install-recommends ${IMAGE_RADIO_PACKAGES[*]} && apt-get clean" >&2
  mv "$BASE_ROOT.new" "$BASE_ROOT"
}

image_install_deb() { # ROOT
  cp "$DEB" "$1/tmp/stopline.deb"
  DEBIAN_FRONTEND=noninteractive chroot "$1" dpkg -i /tmp/stopline.deb >&2
  rm "$1/tmp/stopline.deb"
}

image_lay_over() { # ROOT
  local unit
  cp -a --no-preserve=ownership "$ROOT/image/root/." "$1/"
  install -m 0644 "$ROOT/image/slot-record.sh" "$1/usr/lib/stopline-image/slot-record.sh"
  for unit in "${IMAGE_ENABLE[@]}"; do
    [ -z "$(find "$1/lib/systemd/system" "$1/usr/lib/systemd/system" -name "$unit" -print -quit)" ] ||
      chroot "$1" systemctl enable -q "$unit"
  done
  chroot "$1" systemctl mask -q "${IMAGE_MASK[@]}"
  if [ "$BOARD" = pi ]; then
    mkdir -p "$1/etc/systemd/system/multi-user.target.wants"
    ln -sf /lib/systemd/system/wpa_supplicant@.service \
      "$1/etc/systemd/system/multi-user.target.wants/wpa_supplicant@wlan0.service"
    rm -f "$1/etc/systemd/system/multi-user.target.wants/wpa_supplicant.service"
  fi
}

# What belongs to one board lies on its data partition; the root only has the places.
image_empty_places() { # ROOT
  rm -rf "$1"/etc/ssh/ssh_host_* "$1/etc/systemd/network" "$1/etc/wpa_supplicant" \
    "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/* "${1:?}/boot" "$1/etc/resolv.conf"
  ln -s /etc/stopline/network "$1/etc/systemd/network"
  ln -s /etc/stopline/network "$1/etc/wpa_supplicant"
  ln -s /run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"
  mkdir -p "$1"/{boot,data,usr/lib/modules,etc/stopline}
  rm -rf "$1"/usr/lib/modules/*
  : >"$1/etc/machine-id"
  echo stopline >"$1/etc/hostname"
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$1/etc/hosts"
  sed -i 's/^root:[^:]*:/root:*:/' "$1/etc/shadow"
  (cd "$1/var" && find . -mindepth 1 -type d ! -path './lib/dpkg*' -printf '%m %U:%G %P\n') \
    >"$1/usr/lib/stopline-image/var-folders"
  mv "$1/var/lib/dpkg" "$1/usr/lib/stopline-image/dpkg"
}

image_name_release() { # ROOT
  VERSION=$(dpkg-deb -f "$DEB" Version)
  local tried='built, and its like started in an emulator; not yet tried on a real board'
  {
    echo "version=$VERSION"
    echo "kind=$ARCH-$BOARD"
    echo "commit=$(git -C "$ROOT" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)"
    echo "tried=$tried"
  } >"$1/usr/lib/stopline-image/release"
  printf 'Stopline %s for %s on %s\nThis image was %s.\n\n' \
    "$VERSION" "$BOARD" "$ARCH" "$tried" | tee "$1/etc/issue" "$1/etc/issue.net" >"$1/etc/motd"
  # A board without a clock of its own begins no earlier than this.
  touch -d "@$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || date +%s)" "$1/usr/lib/clock-epoch"
}

image_make_root() {
  local root="$IMAGE_WORK/root"
  printf 'stopline: putting the root together\n' >&2
  image_emulate
  cp -a --reflink=auto "$BASE_ROOT" "$root"
  image_install_deb "$root"
  image_lay_over "$root"
  [ "$BOARD" != pi ] || cp -a "$KERNEL/usr/lib/firmware" "$root/usr/lib/"
  [ -z "$UPDATE_KEY" ] || install -D -m 0644 "$UPDATE_KEY" "$root/etc/stopline/update.pub"
  image_name_release "$root"
  image_empty_places "$root"
  SLOT="$IMAGE_WORK/root.squashfs"
  mksquashfs "$root" "$SLOT" -comp zstd -Xcompression-level 6 -quiet -no-progress -noappend >&2
  [ "$(stat -c %s "$SLOT")" -le $((IMAGE_SLOT_MIB * 1048576)) ] ||
    stopline_fail "the root has $(stat -c %s "$SLOT") bytes, a slot $IMAGE_SLOT_MIB MiB"
}
