# What Slicer checks before packing, and the description that it installs for the Extensions Manager.
foreach(_name HOMEPAGE CATEGORY CONTRIBUTORS DESCRIPTION ICONURL SCREENSHOTURLS DEPENDS)
  if("${EXTENSION_${_name}}" STREQUAL "")
    message(FATAL_ERROR "EXTENSION_${_name} is not set")
  endif()
  file(APPEND ${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext.tmp "${_name} ${EXTENSION_${_name}}\n")
endforeach()
file(RENAME ${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext.tmp ${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext)
install(FILES ${CMAKE_BINARY_DIR}/${EXTENSION_NAME}.s4ext DESTINATION share/Slicer-5.12 COMPONENT RuntimeLibraries)
