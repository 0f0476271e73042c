// Pictures for the requests of tests.
#ifndef BAYESPFL_TESTS_SERVER_PICTURES_H_
#define BAYESPFL_TESTS_SERVER_PICTURES_H_

#include <string>

namespace bayespfl::server {

// Files of random pixels, others each time. Thread-safe.
std::string EncodePng(int width = 40, int height = 30);
std::string EncodeJpeg(int width = 40, int height = 30);

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_PICTURES_H_
