// A folder for one test, gone with the object.
#ifndef BAYESPFL_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define BAYESPFL_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(::testing::TempDir() + "bayespfl_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "cannot make " << path_;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

  // The path of a file of the folder, which need not be there.
  std::string File(const std::string& name) const { return path_ + "/" + name; }

  // Writes or replaces a file of the folder, at once, and makes the folders on the way to it; returns its path.
  std::string Write(const std::string& name, absl::string_view text) const {
    std::string file = File(name);
    const absl::Status written = WriteFile(file, text);
    EXPECT_TRUE(written.ok()) << written;
    return file;
  }

 private:
  std::string path_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
