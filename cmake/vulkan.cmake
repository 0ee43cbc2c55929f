# SPDX-License-Identifier: Apache-2.0
# volk and the shaders: each shaders/NAME.comp.glsl becomes NAME.spv and, with '.' as '_',
#     extern const uint32_t vlmc_shader_NAME[];  extern const size_t vlmc_shader_NAME_bytes;
# in vlmc_shaders.h. Two kinds of comment lines in a shader speak to this file:
#     // requires: GL_SOME_extension …   leave the shader out where glslc lacks one of them
#     // glslc: --option …               further options for glslc
# VLMC_SHADER_NAME is 1 where the shader was built and 0 where it was left out. A word after
# `requires:` that is no extension names a probe, shaders/probes/WORD.comp.glsl.

find_program(VLMC_GLSLC glslc REQUIRED)
find_path(VLMC_VOLK_INCLUDE volk.h REQUIRED)
find_path(VLMC_VULKAN_INCLUDE vulkan/vulkan.h REQUIRED)

set(shader_folder ${PROJECT_SOURCE_DIR}/shaders)
set(spirv_folder ${PROJECT_BINARY_DIR}/shaders)
set(probe_folder ${PROJECT_BINARY_DIR}/shader_probes)
file(MAKE_DIRECTORY ${spirv_folder} ${probe_folder})
set(glslc_options -fshader-stage=compute --target-env=vulkan1.1 -O -Werror
    -I ${shader_folder} -I ${PROJECT_SOURCE_DIR}/host/include -I ${PROJECT_SOURCE_DIR}/host)

# Sets `result` to 1 if glslc knows what `word` names, else to 0.
function(vlmc_probe_glslc word result)
    if(word MATCHES "^GL_[A-Za-z0-9_]+$")
        set(source ${probe_folder}/${word}.comp.glsl)
        file(WRITE ${source} "#version 450\n#extension ${word} : require\n"
            "layout(local_size_x = 1) in;\nvoid main() {}\n")
    else()
        set(source ${shader_folder}/probes/${word}.comp.glsl)
        if(NOT EXISTS ${source})
            message(FATAL_ERROR "a shader requires '${word}', but ${source} does not exist")
        endif()
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    endif()
    execute_process(
        COMMAND ${VLMC_GLSLC} ${glslc_options} --target-env=vulkan1.3 -c ${source}
                -o ${probe_folder}/${word}.spv
        RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed)
        set(${result} 0 PARENT_SCOPE)
    else()
        set(${result} 1 PARENT_SCOPE)
    endif()
endfunction()

file(GLOB shaders CONFIGURE_DEPENDS ${shader_folder}/*.comp.glsl)
set(VLMC_SPIRV_FILES)
set(declarations "")
foreach(shader IN LISTS shaders)
    # A changed `requires:` or `glslc:` line must be seen.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${shader})
    get_filename_component(name ${shader} NAME)
    string(REGEX REPLACE "\\.comp\\.glsl$" "" name ${name})
    string(MAKE_C_IDENTIFIER ${name} symbol)
    string(TOUPPER ${symbol} upper)

    set(built 1)
    file(STRINGS ${shader} lines REGEX "^// requires:")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^// requires: *" "" words "${line}")
        separate_arguments(words UNIX_COMMAND "${words}")
        foreach(word IN LISTS words)
            if(NOT DEFINED probed_${word})
                vlmc_probe_glslc(${word} probed_${word})
            endif()
            if(built AND NOT probed_${word})
                message(STATUS "Shader ${name} left out: glslc does not know ${word}")
                set(built 0)
            endif()
        endforeach()
    endforeach()
    string(APPEND declarations "#define VLMC_SHADER_${upper} ${built}\n")
    if(NOT built)
        continue()
    endif()

    set(extra_options)
    file(STRINGS ${shader} lines REGEX "^// glslc:")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^// glslc: *" "" words "${line}")
        separate_arguments(words UNIX_COMMAND "${words}")
        list(APPEND extra_options ${words})
    endforeach()

    set(spirv ${spirv_folder}/${name}.spv)
    add_custom_command(
        OUTPUT ${spirv}
        COMMAND ${VLMC_GLSLC} ${glslc_options} ${extra_options} -MD -MF ${spirv}.d -MT ${spirv}
                -c ${shader} -o ${spirv}
        DEPENDS ${shader}
        DEPFILE ${spirv}.d
        COMMENT "Compiling shader ${name}"
        VERBATIM)
    list(APPEND VLMC_SPIRV_FILES ${spirv})
    string(APPEND declarations
        "extern const uint32_t vlmc_shader_${symbol}[];\n"
        "extern const size_t vlmc_shader_${symbol}_bytes;\n")
endforeach()

set(generated_folder ${PROJECT_BINARY_DIR}/generated)
file(CONFIGURE OUTPUT ${generated_folder}/vlmc_shaders.h @ONLY CONTENT
"// SPDX-License-Identifier: Apache-2.0
// Generated from shaders/ by the build: SPIR-V words, and which optional shaders exist.
#ifndef VLMC_SHADERS_H
#define VLMC_SHADERS_H

#include <stddef.h>
#include <stdint.h>

@declarations@
#endif
")

file(WRITE ${probe_folder}/spirv_files.txt.new "${VLMC_SPIRV_FILES}")
file(COPY_FILE ${probe_folder}/spirv_files.txt.new ${probe_folder}/spirv_files.txt
    ONLY_IF_DIFFERENT)
add_custom_command(
    OUTPUT ${generated_folder}/vlmc_shaders.c
    COMMAND ${CMAKE_COMMAND} -D LIST=${probe_folder}/spirv_files.txt
            -D OUTPUT=${generated_folder}/vlmc_shaders.c
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_shaders.cmake
    DEPENDS ${VLMC_SPIRV_FILES} ${probe_folder}/spirv_files.txt
            ${PROJECT_SOURCE_DIR}/cmake/embed_shaders.cmake
    COMMENT "Embedding shaders"
    VERBATIM)

# volk loads the Vulkan loader at run time, so the program starts on machines without one.
# It is other people's code, hence not compiled with this project's warnings.
file(WRITE ${generated_folder}/volk_unit.c.new "#include <volk.c>\n")
file(COPY_FILE ${generated_folder}/volk_unit.c.new ${generated_folder}/volk_unit.c
    ONLY_IF_DIFFERENT)
add_library(vlmc_volk STATIC ${generated_folder}/volk_unit.c)
target_include_directories(vlmc_volk SYSTEM PUBLIC ${VLMC_VOLK_INCLUDE} ${VLMC_VULKAN_INCLUDE})
target_compile_definitions(vlmc_volk PUBLIC VK_NO_PROTOTYPES PRIVATE _GNU_SOURCE)
target_link_libraries(vlmc_volk PUBLIC ${CMAKE_DL_LIBS})

target_sources(vlmc_core PRIVATE
    ${generated_folder}/vlmc_shaders.c ${generated_folder}/vlmc_shaders.h)
target_include_directories(vlmc_core PUBLIC ${generated_folder})
target_link_libraries(vlmc_core PUBLIC vlmc_volk)
