#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with_scratch.sh FOLDER COMMAND…: runs COMMAND with FOLDER emptied before.
set -euo pipefail
folder=$1
shift
if [ -d "$folder" ]; then
    chmod -R u+rwX "$folder"
    rm -rf "$folder"
fi
mkdir -p "$folder"
exec "$@"
