// SPDX-License-Identifier: Apache-2.0
// The plugin's sources, linked into its tests as they are into text.so.
#include "plugins/text/analyser.c"
#include "plugins/text/classify.c"
#include "plugins/text/plugin.c"
