#include "model/detection/missing_libraries.h"

#include <filesystem>
#include <string>

#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kLimit = size_t{1} << 24;

// Libraries in a folder of the test's own: they look for each other beside themselves.
class MissingLibrariesTest : public ::testing::Test {
 protected:
  fs::path Put(const fs::path& library) const {
    fs::copy_file(library, folder_ / library.filename());
    return folder_ / library.filename();
  }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
};

TEST_F(MissingLibrariesTest, NamesWhatIsNotThere) {
  const fs::path library = Put(NEEDING_FIXTURE);
  Put(PRESENT_FIXTURE);

  const auto missing = MissingLibraries(library);

  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_THAT(*missing, ElementsAre(fs::path(GONE_FIXTURE).filename().string()));
}

TEST_F(MissingLibrariesTest, NamesAllOfThem) {
  const auto missing = MissingLibraries(Put(NEEDING_FIXTURE));

  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_THAT(*missing,
              ElementsAre(fs::path(GONE_FIXTURE).filename().string(), fs::path(PRESENT_FIXTURE).filename().string()));
}

TEST_F(MissingLibrariesTest, FindsThemBesideTheLibraryAndInTheSystem) {
  const fs::path library = Put(NEEDING_FIXTURE);
  Put(PRESENT_FIXTURE);
  Put(GONE_FIXTURE);

  const auto missing = MissingLibraries(library);

  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_THAT(*missing, IsEmpty());
}

TEST_F(MissingLibrariesTest, FollowsALinkToWhereTheLibraryIs) {
  Put(PRESENT_FIXTURE);
  Put(GONE_FIXTURE);
  fs::create_directories(folder_ / "elsewhere");
  fs::create_symlink(Put(NEEDING_FIXTURE), folder_ / "elsewhere" / "link.so");

  const auto missing = MissingLibraries(folder_ / "elsewhere" / "link.so");

  ASSERT_TRUE(missing.ok()) << missing.status();
  EXPECT_THAT(*missing, IsEmpty());
}

TEST_F(MissingLibrariesTest, RefusesWhatIsNoLibrary) {
  ASSERT_TRUE(WriteFile(folder_ / "text.so", "GROUP ( libc.so.6 )").ok());

  EXPECT_EQ(MissingLibraries(folder_ / "text.so").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MissingLibraries(folder_ / "nothing.so").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MissingLibraries(folder_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(MissingLibrariesTest, RefusesOneThatWasCutOff) {
  const auto whole = ReadFile(NEEDING_FIXTURE, kLimit);
  ASSERT_TRUE(whole.ok()) << whole.status();
  size_t refused = 0;
  for (size_t size = 1; size < whole->size(); size += 61) {
    ASSERT_TRUE(WriteFile(folder_ / "cut.so", absl::string_view(*whole).substr(0, size)).ok());
    // Without its end, which only linkers and debuggers read, it may still be whole.
    if (!MissingLibraries(folder_ / "cut.so").ok()) ++refused;
  }
  EXPECT_GT(refused, 50U);
}

}  // namespace
}  // namespace bayespfl
