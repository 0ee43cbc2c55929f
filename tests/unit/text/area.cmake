# SPDX-License-Identifier: Apache-2.0
# The plugin's sources are linked into its tests as they are into text.so.
file(GLOB area_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/plugins/text/*.c)
