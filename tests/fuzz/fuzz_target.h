// What the fuzz targets share. Each is one function that takes arbitrary bytes and must neither crash nor break what it
// checks; libFuzzer calls it (`make fuzz`), and so does replay_main.cc on the committed corpus (`make test`).
#ifndef BAYESPFL_TESTS_FUZZ_FUZZ_TARGET_H_
#define BAYESPFL_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace bayespfl::fuzz {

// Ends the program, which libFuzzer reports with the input, unless `condition` holds.
inline void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: broken: %s\n", what);
  std::abort();
}

}  // namespace bayespfl::fuzz

#endif  // BAYESPFL_TESTS_FUZZ_FUZZ_TARGET_H_
