# The extension is called as its project is; BUILD_TESTING is an option from here on.
set(EXTENSION_NAME ${PROJECT_NAME})
include(CTest)
