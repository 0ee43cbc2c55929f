# SPDX-License-Identifier: Apache-2.0
include(${CMAKE_CURRENT_LIST_DIR}/../unit/image/area.cmake)
pkg_check_modules(FUZZ_IMAGE REQUIRED IMPORTED_TARGET ${area_packages})

add_executable(mutate_image fuzz/mutate_image.c fuzz/fuzz_image.c unit/image/image_support.c
    ${area_sources})
target_link_libraries(mutate_image PRIVATE vlmc_test_options PkgConfig::FUZZ_IMAGE)
file(GLOB image_corpus CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/corpus/image/*)
vlmc_test(fuzz.image LABELS fuzz COMMAND mutate_image 3000 ${image_corpus})
