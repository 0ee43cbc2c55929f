# SPDX-License-Identifier: Apache-2.0
include(${CMAKE_CURRENT_LIST_DIR}/../unit/audio/area.cmake)
pkg_check_modules(FUZZ_AUDIO REQUIRED IMPORTED_TARGET ${area_packages})
set(audio_parts unit/audio/audio_support.c unit/audio/flac_files.c ${area_sources})

add_executable(mutate_audio fuzz/mutate_audio.c fuzz/fuzz_audio.c ${audio_parts})
target_link_libraries(mutate_audio PRIVATE vlmc_test_options PkgConfig::FUZZ_AUDIO)
file(GLOB audio_corpus CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/corpus/audio/*)
vlmc_test(fuzz.audio LABELS fuzz COMMAND mutate_audio 10000 ${audio_corpus})

# Writes the corpus; never run here.
add_executable(make_audio_corpus fuzz/make_audio_corpus.c ${audio_parts})
target_link_libraries(make_audio_corpus PRIVATE vlmc_test_options PkgConfig::FUZZ_AUDIO)
