#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with_driver.sh COMMAND…: runs COMMAND if the driver $VLMC_TEST_DRIVER is installed. If it is
# not, that is a failure in CI and elsewhere a skipped test (exit 77) that says so.
set -euo pipefail
if [ -z "${VLMC_TEST_ICD:-}" ]; then
    echo "NOT RUN: the Vulkan driver '$VLMC_TEST_DRIVER' is not installed;" \
        "packaging/check installs it" >&2
    if [ -n "${CI:-}" ]; then
        exit 1
    fi
    exit 77
fi
exec "$@"
