# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C file that defines one array of SPIR-V words per file named in LIST.
file(READ ${LIST} spirv_files)
set(text "// SPDX-License-Identifier: Apache-2.0\n#include \"vlmc_shaders.h\"\n")
foreach(spirv IN LISTS spirv_files)
    get_filename_component(name ${spirv} NAME)
    string(REGEX REPLACE "\\.spv$" "" name ${name})
    string(MAKE_C_IDENTIFIER ${name} symbol)
    file(READ ${spirv} hex HEX)
    # A SPIR-V file of this build is little-endian; the words are written as numbers.
    string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${hex}")
    string(REGEX REPLACE "(0x........,0x........,0x........,0x........,)" "\\1\n" words "${words}")
    string(APPEND text
        "\nconst uint32_t vlmc_shader_${symbol}[] = {\n${words}\n};\n"
        "const size_t vlmc_shader_${symbol}_bytes = sizeof vlmc_shader_${symbol};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
