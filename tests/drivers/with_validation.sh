#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# with_validation.sh COMMAND…: runs COMMAND under the Khronos validation layer with
# synchronization validation, and fails if the layer reports an error or a warning.
set -euo pipefail
here=$(dirname "$0")

found=
for folder in /usr/share/vulkan /etc/vulkan /usr/local/share/vulkan; do
    if [ -e "$folder/explicit_layer.d/VkLayer_khronos_validation.json" ]; then
        found=$folder
    fi
done
if [ -z "$found" ]; then
    echo "NOT RUN: the Vulkan validation layer is not installed; packaging/check installs it" >&2
    if [ -n "${CI:-}" ]; then
        exit 1
    fi
    exit 77
fi

# The loader adds the layer to every instance; the layer writes to standard output.
export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
export VK_LAYER_SETTINGS_PATH=$VLMC_TEST_SCRATCH/vk_layer_settings.txt
export VLMC_TEST_VALIDATION=1
cat >"$VK_LAYER_SETTINGS_PATH" <<'END'
khronos_validation.debug_action = VK_DBG_LAYER_ACTION_LOG_MSG
khronos_validation.report_flags = error,warn
khronos_validation.log_filename = stdout
khronos_validation.enables = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
END
log=$VLMC_TEST_SCRATCH/validation.log
result=0
"$here/with_driver.sh" "$@" >"$log" 2>&1 || result=$?
tail -c 20000 "$log"
if [ $result -ne 0 ]; then
    exit $result
fi
if grep -E 'Validation (Error|Warning)|VUID-|SYNC-HAZARD|UNASSIGNED-' "$log" >/dev/null; then
    echo "the validation layer has complaints, see above or $log" >&2
    exit 1
fi
