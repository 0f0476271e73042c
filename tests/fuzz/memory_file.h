// A file in memory with a name, for code that opens paths.
#ifndef BAYESPFL_TESTS_FUZZ_MEMORY_FILE_H_
#define BAYESPFL_TESTS_FUZZ_MEMORY_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "tests/fuzz/fuzz_target.h"

namespace bayespfl::fuzz {

class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    Check(fd_ >= 0 && write(fd_, data, size) == static_cast<ssize_t>(size), "no memory file");
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace bayespfl::fuzz

#endif  // BAYESPFL_TESTS_FUZZ_MEMORY_FILE_H_
