# SPDX-License-Identifier: Apache-2.0
set(plugin_packages zlib libjpeg)
set(plugin_options -O3)
include(${CMAKE_CURRENT_LIST_DIR}/avx2.cmake)
