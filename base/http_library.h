// cpp-httplib, for whoever links httplib::httplib. Its classes have another layout without the definitions that the
// library was built with, and a program of both kinds of code destroys what is not there.
#ifndef BAYESPFL_BASE_HTTP_LIBRARY_H_
#define BAYESPFL_BASE_HTTP_LIBRARY_H_

#ifndef CPPHTTPLIB_OPENSSL_SUPPORT
#error "the target must link httplib::httplib, which brings the library's definitions"
#endif
#include "httplib.h"  // IWYU pragma: export

#endif  // BAYESPFL_BASE_HTTP_LIBRARY_H_
