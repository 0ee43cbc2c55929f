#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk that is full, and a file that may not grow.
. "$(dirname "$0")/lib.bash" "$@"

head -c 3000000 /dev/urandom >random
expect 0 "an archive of random data" "$vlmc" create -m none -o random.vlmc random

# Blocks of 1 KiB (bash): the limit is an error instead of a death by SIGXFSZ.
expect 2 "create beyond the file size limit" bash -c \
    'ulimit -f 1000; exec "$1" create --no-catalog -m none -o limited.vlmc random' - "$vlmc"
says "File too large"
refute "leaves no archive" test -e limited.vlmc
expect 2 "extract beyond the file size limit" bash -c \
    'ulimit -f 1000; exec "$1" extract random.vlmc -C limited' - "$vlmc"
refute "leaves no file under the name" test -e limited/random
check "and nothing temporary" nothing_left .

expect 2 "create beyond the limit, after some groups" bash -c \
    'ulimit -f 1000; exec "$1" create --no-catalog --group-size 64K -m none -o limited.vlmc random' \
    - "$vlmc"
says "what is packed is kept"
expect 0 "goes on without the limit" "$vlmc" jobs resume
check "to the whole archive" "$vlmc" verify limited.vlmc

mkdir small
if mount -t tmpfs -o size=1M tmpfs small 2>/dev/null; then
    trap 'umount "$scratch/small"' EXIT
    expect 2 "create on a full disk" "$vlmc" create --no-catalog -m none -o small/x.vlmc random
    says "No space left on device"
    check "leaves nothing there" test -z "$(ls -A small)"
    expect 2 "create on a full disk, after some groups" "$vlmc" create --no-catalog -m none \
        --group-size 64K -o small/x.vlmc random
    says "No space left on device"
    says "vlmc jobs resume"
    refute "leaves no archive" test -e small/x.vlmc
    mount -o remount,size=8M small
    expect 0 "and goes on when there is room" "$vlmc" jobs resume
    says "were taken over"
    "$vlmc" create -q --no-catalog -m none --group-size 64K -o whole.vlmc random
    check "to the same archive" cmp small/x.vlmc whole.vlmc
    check "without leaving anything else" test "$(ls -A small)" = x.vlmc
    rm small/x.vlmc
    mount -o remount,size=1M small
    expect 7 "what a disk has no room for is not begun" "$vlmc" extract random.vlmc -C small
    says "more than the disk has room for"
    expect 2 "extract on a disk that gets full" \
        "$vlmc" extract --max-output 1G random.vlmc -C small
    says "No space left on device"
    check "leaves no file there" test -z "$(find small -type f)"
    expect 8 "a catalog on a full disk" env VLMC_CATALOG="$scratch/small/catalog.db" sh -c \
        'head -c 2000000 /dev/zero >small/fill 2>/dev/null; "$1" create -m none -o beside.vlmc random' \
        - "$vlmc"
    expect 0 "does not stop the archive from being complete" "$vlmc" verify beside.vlmc
else
    echo "NOT CHECKED: a full disk, because this user cannot mount a tmpfs"
fi
finish
