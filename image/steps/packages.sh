# What a root consists of besides the product, and where Debian's packages come from.

IMAGE_PACKAGES=(
  systemd systemd-sysv systemd-resolved udev dbus kmod
  iproute2 netbase nftables chrony
  e2fsprogs fdisk busybox-static
  openssh-server nano
)
# Of boards with a radio, on top of the others.
IMAGE_RADIO_PACKAGES=(wpasupplicant wireless-regdb)

image_sources() { # COMPONENTS
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg suite
  for suite in "$IMAGE_SUITE" "$IMAGE_SUITE-updates"; do
    echo "deb [signed-by=$keyring] $IMAGE_MIRROR/debian $suite $1"
  done
  echo "deb [signed-by=$keyring] $IMAGE_MIRROR/debian-security $IMAGE_SUITE-security $1"
}

# Packages of the board's processor by this machine's apt, in a place of its own.
image_apt() { # ARGUMENT…
  local place="$IMAGE_CACHE/apt-$ARCH"
  mkdir -p "$place"/{lists/partial,cache/archives/partial,parts,preferences}
  : >"$place/status"
  image_sources 'main non-free-firmware' >"$place/sources.list"
  apt-get -qq -o "APT::Architecture=$ARCH" -o "APT::Architectures::=$ARCH" \
    -o "Dir::Etc::SourceList=$place/sources.list" -o "Dir::Etc::SourceParts=$place/parts" \
    -o "Dir::Etc::PreferencesParts=$place/preferences" -o "Dir::State::Lists=$place/lists" \
    -o "Dir::State::Status=$place/status" -o "Dir::Cache=$place/cache" \
    -o APT::Sandbox::User=root "$@"
}

# Unpacks Debian packages into a folder without running anything of theirs.
image_unpack() { # FOLDER PACKAGE…
  local into=$1 fetched file
  shift
  fetched=$(mktemp -d -p "$IMAGE_CACHE")
  (cd "$fetched" && image_apt download "$@" >&2)
  mkdir -p "$into"
  for file in "$fetched"/*.deb; do
    dpkg-deb -x "$file" "$into"
  done
  rm -rf "$fetched"
}

# The package behind linux-image-arm64 and the like.
image_kernel_package() { # META
  image_apt --print-uris download "$1" >/dev/null
  (cd "$IMAGE_CACHE" && image_apt download "$1" >&2)
  local file
  file=$(ls "$IMAGE_CACHE/$1"_*.deb)
  dpkg-deb -f "$file" Depends | sed 's/[ ,].*//'
  rm -f "$file"
}
