// Runs bayespfl-client's command line in this process.
#ifndef BAYESPFL_TESTS_CLIENT_CLIENT_PROGRAM_H_
#define BAYESPFL_TESTS_CLIENT_CLIENT_PROGRAM_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/cpp/commands.h"

namespace bayespfl::testing {

struct ClientRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

inline ClientRun RunClientProgram(const std::vector<std::string>& arguments) {
  std::vector<const char*> words = {"/usr/bin/bayespfl-client"};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  ClientRun run;
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  run.exit_code = client::RunClient(static_cast<int>(words.size()), words.data());
  run.out = ::testing::internal::GetCapturedStdout();
  run.err = ::testing::internal::GetCapturedStderr();
  return run;
}

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_CLIENT_CLIENT_PROGRAM_H_
