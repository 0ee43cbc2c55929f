# SPDX-License-Identifier: Apache-2.0
# What sample_contexts_avx2.c is compiled for, wherever this folder's sources are.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/sample_contexts_avx2.c PROPERTIES
        COMPILE_OPTIONS "-mavx2;-mbmi;-mbmi2;-mlzcnt;-mpopcnt")
endif()
