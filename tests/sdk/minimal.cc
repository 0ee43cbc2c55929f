// SPDX-License-Identifier: Apache-2.0
// The least plugin, in C++17: it offers nothing. The header's types are to be usable from there.
#include <vlmc/plugin.h>

namespace
{

const void *factory(const char *)
{
    return nullptr;
}

} // namespace

const vlmc_plugin vlmc_plugin_entry = {
    sizeof(vlmc_plugin), VLMC_PLUGIN_ABI, "minimal", "1.0.0", "Nothing", "Apache-2.0", factory,
};
