#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that a file has comes back: kinds of entries, owners, lists, attributes, holes, times.
. "$(dirname "$0")/lib.bash" "$@"

for program in getfacl setfacl getfattr setfattr; do
    command -v "$program" >/dev/null || { echo "no $program: packages acl and attr"; exit 77; }
done
root=$([ "$(id -u)" -eq 0 ] && echo yes)

mkdir -p tree/empty tree/sub tree/acl tree/shared
make_text 60 1 >tree/text
make_text 60 2 >tree/sub/more
printf x >$'tree/\xff\xfe'
printf x >$'tree/new\nline \033[31m'
ln tree/text tree/sub/again
ln tree/text tree/third
ln -s ../text tree/sub/link
ln -s /nowhere/at/all tree/dangling
: >tree/nothing
# Data, a hole, data, a hole; nothing but a hole.
printf begin >tree/sparse
truncate -s 1M tree/sparse
printf end >>tree/sparse
truncate -s 3000001 tree/sparse
truncate -s 5M tree/hole
sparse_disk=$([ "$(stat -c %b tree/hole)" -eq 0 ] && echo yes)
chmod 1777 tree/shared
chmod 2755 tree/empty
chmod 4711 tree/sub/more
chmod 400 tree/nothing
touch -h -d '2001-02-03 04:05:06.789012345 UTC' tree/text tree/sub/link
touch -d '1901-12-14 00:00:00.000000001 UTC' tree/sub/more
touch -d '2200-01-01 UTC' tree/sparse
acls= xattrs=
if setfacl -m u:1234:rwx,g:4321:r-x,m::rx tree/text && setfacl -d -m u:1234:rwx tree/acl &&
    setfacl -m u:root:r tree/sparse; then
    acls=yes
else
    echo "this file system has no access control lists: they are not tested"
fi
if setfattr -n user.vlmc -v 0x00ff0a tree/text && setfattr -n user.empty tree/empty &&
    setfattr -n user.a -v b tree/text; then
    xattrs=yes
else
    echo "this file system has no extended attributes: they are not tested"
fi
if [ "$root" ]; then
    chown 1234:4321 tree/sub/more tree/sub
    chown -h 1234:4321 tree/sub/link
    chmod 4711 tree/sub/more
    chown root:nogroup tree/empty
    chmod 2755 tree/empty
fi
touch -d '2010-05-06 07:08:09.123456789 UTC' tree/sub tree/empty tree/acl tree/shared tree

# All that can be seen of each path but the inode.
everything() {
    (
        cd "$1" || exit
        find . -printf '%P\0%y %m %U %G %n %s %l %T@\0' | sort -z | tr '\0' '\n'
        [ "$acls" ] && find . ! -type l -print0 | sort -z | xargs -0 getfacl -nP 2>/dev/null
        [ "$xattrs" ] && find . -print0 | sort -z | xargs -0 getfattr -dh -m - -e hex 2>/dev/null
    )
}

expect 0 "a tree with every kind of entry is archived" "$vlmc" create -1 -o tree.vlmc tree
expect 0 "it verifies" "$vlmc" verify tree.vlmc
expect 0 "it is extracted" "$vlmc" extract -p tree.vlmc -C out
check "all contents are equal" diff -r --no-dereference tree out/tree
if [ "$root" ]; then
    check "so is everything else" diff <(everything tree) <(everything out/tree)
    expect 0 "diff sees no difference" "$vlmc" diff tree.vlmc -C out
    check "and prints nothing" test ! -s stdout
fi
changed() { # WORD COMMAND…: diff says that this has changed
    local word=$1
    shift
    "$@" || return 1
    "$vlmc" diff --same-owner tree.vlmc -C out >stdout
    [ $? -eq 1 ] && grep -q "^$word " stdout
}
if [ "$root" ]; then
    check "diff sees another owner" changed owner chown 77 out/tree/nothing
    [ "$acls" ] && check "another list" changed acl setfacl -n -m u:55:r out/tree/third
    [ "$xattrs" ] && check "another attribute" changed xattr setfattr -x user.empty out/tree/empty
    check "another time" changed time touch out/tree/hole
    check "a name that is a file of its own" changed link \
        sh -c 'cp -p out/tree/third out/x && mv out/x out/tree/third'
    expect 0 "all of which an extraction mends" \
        "$vlmc" extract -p --overwrite always tree.vlmc -C out
    expect 0 "as diff sees" "$vlmc" diff tree.vlmc -C out
fi
check "names of one file are one file" test out/tree/text -ef out/tree/sub/again
check "all three of them" test out/tree/text -ef out/tree/third
if [ "$sparse_disk" ]; then
    check "a hole takes no room" test "$(stat -c %b out/tree/hole)" -eq 0
    check "nor do holes among data" \
        test "$(stat -c %b out/tree/sparse)" -le "$(stat -c %b tree/sparse)"
fi
expect 0 "without holes, 5 MB of zeros are the same content" sh -c \
    '"$1" extract --stdout tree.vlmc tree/hole | cmp - tree/hole' - "$vlmc"
expect 0 "the same tree gives the same bytes" "$vlmc" create -1 -o again.vlmc tree
check "all of them" cmp tree.vlmc again.vlmc
expect 0 "what was extracted gives the same archive" \
    sh -c 'cd out && "$1" create -1 -o ../out.vlmc tree' - "$vlmc"
[ "$root" ] && check "bit for bit" cmp tree.vlmc out.vlmc

expect 0 "without -p, set-user-id is lost" "$vlmc" extract tree.vlmc -C plain
check "its mode is 711" test "$(stat -c %a plain/tree/sub/more)" = 711
check "and set-group-id of folders" test "$(stat -c %a plain/tree/empty)" = 755
if [ "$root" ]; then
    expect 0 "root may keep files for itself" "$vlmc" extract --no-same-owner tree.vlmc -C mine
    check "all of them" test -z "$(find mine -not -user root)"
fi
chmod -R a+rX . && chmod a+rwx .
expect 0 "somebody else can extract it" as_nobody "$vlmc" extract --no-catalog --no-same-owner tree.vlmc -C other
check "with its contents" cmp tree/text other/tree/text
[ "$xattrs" ] && check "and extended attributes" test \
    "$(getfattr --only-values -n user.a other/tree/text)" = b

expect 0 "one name of several is a file" "$vlmc" extract tree.vlmc tree/third -C one
check "with its content" cmp tree/text one/tree/third
expect 0 "two of three are one file" \
    "$vlmc" extract tree.vlmc tree/third tree/sub/again -C two
check "linked to each other" test two/tree/third -ef two/tree/sub/again
expect 0 "names are replaced by names" "$vlmc" extract --overwrite always -p tree.vlmc -C out
check "and stay one file" test out/tree/text -ef out/tree/third
check "nothing temporary is left" nothing_left out

expect 0 "list shows owners and what is linked" "$vlmc" list -l tree.vlmc
check "set-user-id bits among them" grep -q '^-rws--x--x' stdout
check "and the file of another name" grep -q '^h.* tree/third link to tree/sub/again$' stdout
expect 0 "info counts hard links and holes" "$vlmc" info tree.vlmc
check "two of them" grep -q '2 hard links$' stdout
[ "$sparse_disk" ] && check "holes of megabytes" grep -q '^holes  *[0-9]\{7\} bytes' stdout
if command -v jq >/dev/null; then
    expect 0 "list --json has names that are not UTF-8 in base64" "$vlmc" list --json tree.vlmc
    check "as they are" test \
        "$(jq -r 'select(.path_b64) | .path_b64' stdout | base64 -d)" = $'tree/\xff\xfe'
    [ "$xattrs" ] && check "and attributes" grep -q '"name":"user.vlmc","value_b64":"AP8K"' stdout
fi

expect 0 "nothing of what --exclude names is archived" "$vlmc" create -1 -o some.vlmc tree \
    --exclude sub --exclude 'tree/spa*' --exclude 'no/such' --one-file-system
expect 0 "as list shows" "$vlmc" list some.vlmc
refute "neither the folder nor what is in it" grep -q sub stdout
refute "nor the file" grep -q sparse stdout
check "but what was not named" grep -qx tree/third stdout

mkfifo tree/fifo
expect 1 "a pipe is left out, with a notice" "$vlmc" create -1 -o fifo.vlmc tree
says "left out tree/fifo, which is a pipe"
expect 0 "the rest is there" "$vlmc" verify fifo.vlmc
if [ "$root" ] && mknod tree/zero c 1 5 2>/dev/null; then
    expect 1 "so is a device" "$vlmc" create -f -1 -o fifo.vlmc tree
    says "left out tree/zero, which is a device"
fi
chmod -R u+w . 2>/dev/null
finish
