# What CMake finds as Slicer in the tests: the macros of which an extension of scripted modules is made, where Slicer's
# own put files when building and installing. A file that is listed and missing, a keyword or a variable that Slicer
# lacks, ends the configuration.

set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionGenerateConfig.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionCPack.cmake)

set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)

# Copies at build time; installs the whole folder of the build tree, whoever has put files there.
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY_SLICER "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_SLICER_UNPARSED_ARGUMENTS OR NOT DEFINED MY_SLICER_NAME)
    message(FATAL_ERROR "slicerMacroBuildScriptedModule() knows no ${MY_SLICER_UNPARSED_ARGUMENTS}, or has no NAME")
  endif()
  set(_destination ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR})
  set(_directory_to_install ${_destination}/)
  if(MY_SLICER_WITH_SUBDIR)
    get_filename_component(_folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    string(APPEND _destination /${_folder})
    set(_directory_to_install ${_destination})
  endif()
  set(_copies)
  foreach(_file ${MY_SLICER_SCRIPTS} ${MY_SLICER_RESOURCES})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${_file})
      message(FATAL_ERROR "slicerMacroBuildScriptedModule() given nonexistent file '${_file}'")
    endif()
    add_custom_command(
      OUTPUT ${_destination}/${_file}
      COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_SOURCE_DIR}/${_file} ${_destination}/${_file}
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${_file}
      )
    list(APPEND _copies ${_destination}/${_file})
  endforeach()
  add_custom_target(Copy${MY_SLICER_NAME}PythonFiles ALL DEPENDS ${_copies})
  install(DIRECTORY ${_directory_to_install}
    DESTINATION ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR} COMPONENT RuntimeLibraries
    USE_SOURCE_PERMISSIONS
    )
  if(BUILD_TESTING AND MY_SLICER_WITH_GENERIC_TESTS)
    add_test(NAME py_nomainwindow_qSlicer${MY_SLICER_NAME}ModuleGenericTest COMMAND Slicer --no-main-window)
  endif()
endmacro()

macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS OR NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT})
    message(FATAL_ERROR "slicer_add_python_unittest() knows no ${MY_UNPARSED_ARGUMENTS}, or there is no ${MY_SCRIPT}")
  endif()
  get_filename_component(_test_name ${MY_SCRIPT} NAME_WE)
  add_test(NAME py_${MY_TESTNAME_PREFIX}${_test_name} COMMAND Slicer --testing --python-code ${_test_name})
endmacro()
