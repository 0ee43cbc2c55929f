# SPDX-License-Identifier: Apache-2.0
# The two Vulkan drivers that tests run on, which share no code: Mesa's lavapipe and
# SwiftShader, which Debian ships inside chromium-common without a file that names it to the
# Vulkan loader. VLMC_ICD_LAVAPIPE and VLMC_ICD_SWIFTSHADER are such files, or empty.

if(NOT VLMC_VULKAN)
    return()
endif()

file(GLOB lavapipe_files /usr/share/vulkan/icd.d/lvp_icd*.json /etc/vulkan/icd.d/lvp_icd*.json)
list(LENGTH lavapipe_files found)
set(VLMC_ICD_LAVAPIPE "")
if(found)
    list(GET lavapipe_files 0 VLMC_ICD_LAVAPIPE)
endif()

find_library(VLMC_SWIFTSHADER_LIBRARY NAMES vk_swiftshader
    HINTS /usr/lib/chromium /usr/lib/chromium-browser /opt/swiftshader
    PATHS /snap/chromium/current/usr/lib/chromium-browser)
set(VLMC_ICD_SWIFTSHADER "")
if(VLMC_SWIFTSHADER_LIBRARY)
    set(VLMC_ICD_SWIFTSHADER ${CMAKE_CURRENT_BINARY_DIR}/swiftshader_icd.json)
    configure_file(drivers/swiftshader_icd.json.in ${VLMC_ICD_SWIFTSHADER} @ONLY)
endif()

# A machine with a GPU: -D VLMC_ICD_NATIVE=/usr/share/vulkan/icd.d/nvidia_icd.json, for example.
set(VLMC_ICD_NATIVE "" CACHE FILEPATH "ICD file of a third driver to run the GPU tests on")
set(VLMC_TEST_DRIVERS lavapipe swiftshader)
if(VLMC_ICD_NATIVE)
    list(APPEND VLMC_TEST_DRIVERS native)
endif()

foreach(driver IN LISTS VLMC_TEST_DRIVERS)
    string(TOUPPER ${driver} upper)
    if(VLMC_ICD_${upper})
        message(STATUS "Tests on ${driver}: ${VLMC_ICD_${upper}}")
    else()
        message(WARNING "No ${driver}: its tests will be reported as NOT RUN, or fail if CI is set")
    endif()
endforeach()

# vlmc_gpu_tests(NAME COMMAND…): registers the command once per driver, and once more per
# driver under the validation layer.
function(vlmc_gpu_tests name)
    foreach(driver IN LISTS VLMC_TEST_DRIVERS)
        string(TOUPPER ${driver} upper)
        set(env
            VLMC_TEST_DRIVER=${driver}
            VLMC_TEST_ICD=${VLMC_ICD_${upper}}
            VK_ICD_FILENAMES=${VLMC_ICD_${upper}}
            VK_DRIVER_FILES=${VLMC_ICD_${upper}}
            VK_LOADER_LAYERS_DISABLE=*MESA*)
        vlmc_test(${name}.${driver}
            COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/drivers/with_driver.sh ${ARGN}
            ENV ${env} LABELS gpu ${driver})
        vlmc_test(${name}.${driver}.validation
            COMMAND bash ${CMAKE_CURRENT_SOURCE_DIR}/drivers/with_validation.sh ${ARGN}
            ENV ${env} LABELS gpu_validation ${driver})
        foreach(test ${name}.${driver} ${name}.${driver}.validation)
            set_tests_properties(${test} PROPERTIES SKIP_RETURN_CODE 77 PROCESSORS 2)
        endforeach()
    endforeach()
endfunction()
