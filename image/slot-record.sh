# Which root the board starts: one small record on the card, read and written by the initrd and by
# `slots`. Sourced by busybox and dash; needs dd, sha256sum, cut, tr. No file system holds it: two
# copies lie raw on the disk, each in an erase block of its own, the older one is overwritten, and
# the newest that is whole counts. A power cut while one is written leaves the other.
#
#   stopline-slots 1 SEQUENCE ACTIVE GOOD TRIES FAILED SHA256
#
# ACTIVE (a, b) is started next. GOOD (a, b) has been confirmed. While they differ ACTIVE is on
# trial and has TRIES (0 to 9) starts left; FAILED is the one that used them up, or -.

SLOT_RECORD_BYTES=512
# Behind the partition table, before the first partition, which begins at 16 MiB.
SLOT_RECORD_PLACES='4194304 8388608'
# A power cut or a slow disk may cost one start of a trial; a second one is fair.
SLOT_STARTS=2

slot_other() {
  case $1 in a) echo b ;; *) echo a ;; esac
}

slot_checksum() {
  printf '%s' "$1" | sha256sum | cut -c 1-64
}

slot_copy_at() { # DISK PLACE: the copy's line, or nothing
  dd if="$1" bs="$SLOT_RECORD_BYTES" skip=$(($2 / SLOT_RECORD_BYTES)) count=1 2>/dev/null |
    tr -d '\000' | tr -cd 'a-z0-9 -'
}

# Sets SLOT_SEQUENCE, _ACTIVE, _GOOD, _TRIES, _FAILED and SLOT_NEXT_PLACE from the newest whole
# copy; false when there is none, and then they say: slot a, nothing confirmed, no trial.
slot_read() { # DISK
  SLOT_SEQUENCE=0 SLOT_ACTIVE=a SLOT_GOOD=a SLOT_TRIES=0 SLOT_FAILED=-
  SLOT_NEXT_PLACE=${SLOT_RECORD_PLACES%% *}
  slot_found=false
  for slot_place in $SLOT_RECORD_PLACES; do
    slot_take "$(slot_copy_at "$1" "$slot_place")" "$slot_place" || true
  done
  $slot_found
}

slot_take() { # LINE PLACE: keeps it when it is whole and newer than what was found
  case $1 in 'stopline-slots 1 '*) ;; *) return 1 ;; esac
  [ "$(slot_checksum "${1% *}")" = "${1##* }" ] || return 1
  slot_place_read=$2
  # shellcheck disable=SC2086 # the line is a list of words, each without a blank
  set -- $1
  [ "$3" -gt "$SLOT_SEQUENCE" ] || return 1
  SLOT_SEQUENCE=$3 SLOT_ACTIVE=$4 SLOT_GOOD=$5 SLOT_TRIES=$6 SLOT_FAILED=$7
  slot_found=true
  for SLOT_NEXT_PLACE in $SLOT_RECORD_PLACES; do
    [ "$SLOT_NEXT_PLACE" = "$slot_place_read" ] || break
  done
}

# Writes the record over the older copy and reads it back; false when the disk did not take it.
slot_write() { # DISK
  SLOT_SEQUENCE=$((SLOT_SEQUENCE + 1))
  slot_text="stopline-slots 1 $SLOT_SEQUENCE $SLOT_ACTIVE $SLOT_GOOD $SLOT_TRIES $SLOT_FAILED"
  slot_text="$slot_text $(slot_checksum "$slot_text")"
  slot_written=$SLOT_NEXT_PLACE
  printf '%s' "$slot_text" |
    dd of="$1" bs="$SLOT_RECORD_BYTES" seek=$((slot_written / SLOT_RECORD_BYTES)) count=1 \
      conv=sync,notrunc,fsync 2>/dev/null || return 1
  slot_read "$1" && [ "$SLOT_NEXT_PLACE" != "$slot_written" ]
}

slot_is_trial() {
  [ "$SLOT_ACTIVE" != "$SLOT_GOOD" ]
}

# The slot of this start, counted down before anything of it is mounted. Sets SLOT_CHANGED when
# the record has to be written first.
slot_choose() {
  SLOT_CHANGED=false
  slot_is_trial || return 0
  SLOT_CHANGED=true
  if [ "$SLOT_TRIES" -gt 0 ]; then
    SLOT_TRIES=$((SLOT_TRIES - 1))
  else
    SLOT_FAILED=$SLOT_ACTIVE SLOT_ACTIVE=$SLOT_GOOD
  fi
}

# The chosen slot can't even be mounted: the other one, from now on.
slot_unusable() { # SLOT
  SLOT_FAILED=$1 SLOT_ACTIVE=$(slot_other "$1") SLOT_TRIES=0
  SLOT_GOOD=$SLOT_ACTIVE
}

slot_begin_trial() { # SLOT
  SLOT_ACTIVE=$1 SLOT_TRIES=$SLOT_STARTS SLOT_FAILED=-
}

slot_confirm() {
  SLOT_GOOD=$SLOT_ACTIVE SLOT_TRIES=0 SLOT_FAILED=-
}
