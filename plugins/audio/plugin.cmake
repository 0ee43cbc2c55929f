# SPDX-License-Identifier: Apache-2.0
# No library: FLAC frames are read and written bit by bit (README.md says why).
set(plugin_options -O3)
include(${CMAKE_CURRENT_LIST_DIR}/avx2.cmake)
