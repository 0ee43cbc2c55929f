#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A folder that changes while it is archived: a notice, exit code 1, and an archive that is whole.
. "$(dirname "$0")/lib.bash" "$@"

# begin ARCHIVE PATH: create is stopped at work on the first file, which takes it a while; what comes
# behind has been seen, but not read.
begin() {
    "$vlmc" create -1 -m none -o "$1" "$2" >stdout 2>stderr &
    writer=$!
    for ((i = 0; i < 2000; i++)); do
        [ "$(stat -c %s ".$1".part-* 2>/dev/null | sort -n | tail -1)" -gt 1000000 ] 2>/dev/null &&
            break
        sleep 0.01
    done
    check "create is at work" kill -STOP $writer
}
ends_with_a_warning() {
    kill -CONT $writer
    wait $writer
    report $(($? != 1)) "$1 (exit code 1)"
}

mkdir tree
head -c 50000000 /dev/urandom >tree/big
ln tree/big big
for name in gone grown folder; do
    echo $name >"tree/z-$name"
done
size=$(stat -c %s tree/big)

begin tree.vlmc tree
truncate -s 49999000 tree/big
rm tree/z-gone tree/z-folder
mkdir tree/z-folder
echo more >>tree/z-grown
ends_with_a_warning "a folder that changes meanwhile is a warning"
says '"tree/big" changed while it was read'
says 'left out "tree/z-gone": No such file or directory'
says 'left out "tree/z-folder": it is no file any more'
expect 0 "the archive is whole" "$vlmc" verify tree.vlmc
expect 0 "and extracted" "$vlmc" extract tree.vlmc -C out
check "a file that grew before it was read is there" cmp tree/z-grown out/tree/z-grown
refute "what was gone is not" test -e out/tree/z-gone
check "what was cut short has what was read" test "$(stat -c %s out/tree/big)" -le "$size"

mkdir grow && ln big grow/file
begin grow.vlmc grow
echo more >>grow/file
ends_with_a_warning "a file that grows while it is read is a warning"
says '"grow/file" changed while it was read'
expect 0 "its archive is whole" "$vlmc" verify grow.vlmc

# A file with a hole keeps the size that it had.
mkdir sparse && mv big sparse/file
truncate -s $((size + 4000000)) sparse/file
echo end >>sparse/file
whole=$(stat -c %s sparse/file)
if [ "$(stat -c %b sparse/file)" -lt $(((whole + 511) / 512)) ]; then
    begin sparse.vlmc sparse
    truncate -s 1000 sparse/file
    ends_with_a_warning "a sparse file that is cut short is a warning"
    says 'changed while it was read'
    expect 0 "its archive is whole" "$vlmc" verify sparse.vlmc
    expect 0 "and extracted" "$vlmc" extract sparse.vlmc -C out
    check "with the size that the file had" test "$(stat -c %s out/sparse/file)" -eq "$whole"
fi
finish
