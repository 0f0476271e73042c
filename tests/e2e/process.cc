#include "tests/e2e/process.h"
#include "tests/support/paths.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace bayespfl::testing {
namespace {

pid_t Spawn(const std::string& program, const std::vector<std::string>& arguments, int out, int err) {
  std::vector<std::string> words = {BuildOutput("bin/" + program)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (err >= 0) posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = -1;
  if (posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// The exit code; `usage` is filled in with what the process took, if it is wanted.
int WaitFor(pid_t pid, rusage* usage = nullptr) {
  int status = 0;
  if (pid < 0 || wait4(pid, &status, 0, usage) != pid) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string TakeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::filesystem::remove(path);
  return content;
}

}  // namespace

Finished RunProgram(const std::string& program, const std::vector<std::string>& arguments) {
  std::string out_path = std::filesystem::temp_directory_path() / "bayespfl_out_XXXXXX";
  std::string err_path = std::filesystem::temp_directory_path() / "bayespfl_err_XXXXXX";
  const int out = mkostemp(out_path.data(), O_CLOEXEC);
  const int err = mkostemp(err_path.data(), O_CLOEXEC);
  rusage usage = {};
  const int exit_code = WaitFor(Spawn(program, arguments, out, err), &usage);
  close(out);
  close(err);
  return {exit_code, TakeFile(out_path), TakeFile(err_path), int64_t{usage.ru_maxrss} * 1024};
}

Background::Background(const std::string& program, const std::vector<std::string>& arguments, int err) {
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  pid_ = Spawn(program, arguments, ends[1], err);
  close(ends[1]);
  out_ = fdopen(ends[0], "r");
}

Background::~Background() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    WaitFor(pid_);
  }
  if (out_ != nullptr) fclose(out_);
}

std::string Background::WaitForLine(const std::string& prefix) {
  char* line = nullptr;
  size_t capacity = 0;
  std::string rest;
  while (getline(&line, &capacity, out_) > 0) {
    const std::string text(line);
    if (!text.starts_with(prefix)) continue;
    rest = text.substr(prefix.size());
    while (!rest.empty() && rest.back() == '\n') rest.pop_back();
    break;
  }
  free(line);
  return rest;
}

void Background::Send(int signal) const { kill(pid_, signal); }

int Background::Terminate() {
  Send(SIGTERM);
  return Wait();
}

int Background::Wait() {
  const int exit_code = WaitFor(pid_);
  pid_ = -1;
  return exit_code;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace bayespfl::testing
