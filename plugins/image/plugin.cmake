# SPDX-License-Identifier: Apache-2.0
set(plugin_packages zlib libjpeg)
set(plugin_options -O3)
