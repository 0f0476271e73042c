// A folder of its own for a test, gone with the object.
#ifndef BAYESPFL_TESTS_SERVER_TEMPORARY_FOLDER_H_
#define BAYESPFL_TESTS_SERVER_TEMPORARY_FOLDER_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bayespfl::server {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(::testing::TempDir() + "bayespfl_XXXXXX") { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

  // Writes a file and returns its path.
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(File(name), std::ios::binary) << text;
    return File(name);
  }

 private:
  std::string path_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_TEMPORARY_FOLDER_H_
