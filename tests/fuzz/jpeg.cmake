# SPDX-License-Identifier: Apache-2.0
include(${CMAKE_CURRENT_LIST_DIR}/../unit/image/area.cmake)
pkg_check_modules(FUZZ_JPEG REQUIRED IMPORTED_TARGET ${area_packages})

add_executable(fuzz_jpeg fuzz/fuzz_jpeg.c unit/image/image_support.c ${area_sources})
target_link_libraries(fuzz_jpeg PRIVATE vlmc_test_options PkgConfig::FUZZ_JPEG)
file(GLOB jpeg_corpus CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/corpus/jpeg/*)
vlmc_test(fuzz.jpeg LABELS fuzz COMMAND fuzz_jpeg 4000 ${jpeg_corpus})
