// SPDX-License-Identifier: Apache-2.0
#include "plugins/text/convert.c"
