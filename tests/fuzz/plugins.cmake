# SPDX-License-Identifier: Apache-2.0
# fuzz.X for each plugin: mutations of tests/fuzz/corpus/X through fuzz_X.c (fuzz_plugin.h).

function(vlmc_fuzz_plugin plugin)
    set(area_sources)
    set(area_packages)
    include(${CMAKE_CURRENT_SOURCE_DIR}/unit/${plugin}/area.cmake)
    set(target mutate_${plugin})
    add_executable(${target} fuzz/mutate_plugin.c fuzz/fuzz_plugin.c fuzz/fuzz_${plugin}.c
        ${area_sources})
    target_link_libraries(${target} PRIVATE vlmc_test_options)
    if(area_packages)
        pkg_check_modules(FUZZ_${plugin} REQUIRED IMPORTED_TARGET ${area_packages})
        target_link_libraries(${target} PRIVATE PkgConfig::FUZZ_${plugin})
    endif()
endfunction()

# vlmc_fuzz_corpus(CORPUS PLUGIN ROUNDS)
function(vlmc_fuzz_corpus corpus plugin rounds)
    file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${corpus}/*)
    vlmc_test(fuzz.${corpus} LABELS fuzz COMMAND mutate_${plugin} ${rounds} ${files})
endfunction()

foreach(plugin text image audio)
    vlmc_fuzz_plugin(${plugin})
endforeach()
vlmc_fuzz_corpus(text text 3000)
vlmc_fuzz_corpus(image image 3000)
vlmc_fuzz_corpus(jpeg image 4000)
vlmc_fuzz_corpus(audio audio 10000)

# Writes the corpus of sound; never run here.
include(${CMAKE_CURRENT_SOURCE_DIR}/unit/audio/area.cmake)
add_executable(make_audio_corpus fuzz/make_audio_corpus.c unit/audio/audio_support.c
    unit/audio/flac_files.c ${area_sources})
target_link_libraries(make_audio_corpus PRIVATE vlmc_test_options PkgConfig::FUZZ_audio)
