// A disk that is full, for as long as this lives, for this process and for those that it starts meanwhile.
#ifndef BAYESPFL_TESTS_SUPPORT_FILE_SIZE_LIMIT_H_
#define BAYESPFL_TESTS_SUPPORT_FILE_SIZE_LIMIT_H_

#include <sys/resource.h>

#include <csignal>

namespace bayespfl::testing {

// Nothing is written behind the first `bytes` of a file: writing fails there, as on a full disk, with another number.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_before_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    static_cast<void>(std::signal(SIGXFSZ, handler_before_));
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_before_)(int) = nullptr;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_FILE_SIZE_LIMIT_H_
