# SPDX-License-Identifier: Apache-2.0
# The plugin's own sources, as it is no library that a test could be linked with; libFLAC makes
# the files.
file(GLOB area_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/plugins/audio/*.c)
set(area_packages flac)
include(${PROJECT_SOURCE_DIR}/plugins/audio/avx2.cmake)
