// A folder for one test, gone with the object.
#ifndef BAYESPFL_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define BAYESPFL_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

  // The bytes of a file of the folder, which must be there and not be empty.
  std::string Read(const std::string& name) const {
    const absl::StatusOr<std::string> bytes = ReadFile(File(name), std::numeric_limits<size_t>::max());
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }

  // Replaces the first `from` in a file of the folder, which must hold it.
  void Replace(const std::string& name, const std::string& from, const std::string& to) const {
    std::string text = Read(name);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    Write(name, text.replace(at, from.size(), to));
  }

 private:
  std::string path_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
