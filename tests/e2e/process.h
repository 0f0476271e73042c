// Runs the built programs as a user does.
#ifndef BAYESPFL_TESTS_E2E_PROCESS_H_
#define BAYESPFL_TESTS_E2E_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bayespfl::testing {

struct Finished {
  int exit_code = -1;      // 128 + N after signal N
  std::string out;         // stdout
  std::string err;         // stderr
  int64_t peak_bytes = 0;  // largest resident memory
};

// Runs a program of build/bin to its end.
Finished RunProgram(const std::string& program, const std::vector<std::string>& arguments);

// A program of build/bin that goes on while the test does; the destructor ends it by its process id.
class Background {
 public:
  // `err`: where its standard error goes; -1: where the test's does.
  Background(const std::string& program, const std::vector<std::string>& arguments, int err = -1);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Reads stdout until a line begins with `prefix`; returns what follows it. Empty when the program ends first.
  std::string WaitForLine(const std::string& prefix);
  // Sends a signal.
  void Send(int signal) const;
  // Sends SIGTERM and waits for the end; the exit code as above.
  int Terminate();
  // Waits for the end, which a signal brings about; the exit code as above.
  int Wait();

 private:
  pid_t pid_ = -1;
  FILE* out_ = nullptr;
};

// True once `condition` holds; false when it does not within a minute, because the program that it asks has ended, say.
[[nodiscard]] bool Eventually(const std::function<bool()>& condition);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_E2E_PROCESS_H_
