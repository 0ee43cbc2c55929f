# SPDX-License-Identifier: Apache-2.0
# The plugin's own sources, as it is no library that a test could be linked with; libpng, zlib and
# libjpeg make files.
file(GLOB area_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/plugins/image/*.c)
set(area_packages libpng zlib libjpeg)
include(${PROJECT_SOURCE_DIR}/plugins/image/avx2.cmake)
