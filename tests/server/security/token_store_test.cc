#include "server/security/token_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::TemporaryFolder;

// `printf %s abc | sha256sum`, also the example of FIPS 180-4.
constexpr char kAbcDigest[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string Entry(const std::string& name, const std::string& role, const std::string& sha256) {
  return absl::StrCat("- {name: ", name, ", role: ", role, ", sha256: ", sha256, "}\n");
}

void ExpectRefused(const std::string& yaml, const std::string& part) {
  const auto entries = ParseTokens(yaml);
  ASSERT_FALSE(entries.ok()) << yaml;
  EXPECT_EQ(entries.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(entries.status().message()), HasSubstr(part));
}

TEST(ParseTokensTest, ReadsNameRoleAndHash) {
  const auto entries =
      ParseTokens(Entry("line-3", "inspect", kAbcDigest) + Entry("robot", "admin", std::string(64, 'A')) +
                  Entry("rework", "inspect-high", std::string(64, 'B')));

  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].caller.name, "line-3");
  EXPECT_EQ((*entries)[0].caller.role, Role::kInspect);
  EXPECT_EQ((*entries)[0].sha256[0], 0xBA);
  EXPECT_EQ((*entries)[1].caller.role, Role::kAdmin);
  EXPECT_EQ((*entries)[1].sha256[31], 0xAA);
  EXPECT_EQ((*entries)[2].caller.role, Role::kInspectHigh);
}

TEST(ParseTokensTest, AnEmptyListLetsNobodyIn) {
  const auto entries = ParseTokens("[]");
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_TRUE(entries->empty());
}

TEST(ParseTokensTest, RejectsWhatIsNoListOfEntries) {
  ExpectRefused("", "expected a list");
  ExpectRefused("name: a", "expected a list");
  ExpectRefused("- [", "no valid YAML in line");
  ExpectRefused("- text", "token 1: an entry has exactly name, role and sha256");
  ExpectRefused("- {name: a, role: inspect}", "exactly name, role and sha256");
  ExpectRefused("- {name: a, role: inspect, hash: b}", "sha256 is missing");
  ExpectRefused(absl::StrCat("- {name: a, role: inspect, sha256: ", kAbcDigest, ", token: b}"), "exactly");
}

TEST(ParseTokensTest, RejectsBadValues) {
  ExpectRefused(Entry("a b", "inspect", kAbcDigest), "a name has 1 to 64");
  ExpectRefused(Entry(std::string(65, 'a'), "inspect", kAbcDigest), "a name has 1 to 64");
  ExpectRefused(Entry("a", "root", kAbcDigest), "a role is inspect, inspect-high or admin");
  ExpectRefused(Entry("a", "inspect", std::string(63, 'a')), "sha256 is not 64 hexadecimal digits");
  ExpectRefused(Entry("a", "inspect", std::string(64, 'g')), "sha256 is not 64 hexadecimal digits");
}

TEST(ParseTokensTest, RejectsNamesAndHashesThatAppearTwice) {
  ExpectRefused(Entry("a", "inspect", kAbcDigest) + Entry("a", "inspect", std::string(64, '0')), "token 2: ");
  ExpectRefused(Entry("a", "inspect", kAbcDigest) + Entry("b", "admin", kAbcDigest), "appears twice");
}

TEST(ParseTokensTest, NeverRepeatsATokenThatSomebodyPutInPlaceOfItsHash) {
  const auto entries = ParseTokens(Entry("a", "inspect", "bpfl_secret"));
  EXPECT_THAT(std::string(entries.status().message()), Not(HasSubstr("secret")));
}

TEST(MakeTokenTest, ItsLineLetsTheTokenIn) {
  const auto made = MakeToken("line-3", Role::kAdmin);
  ASSERT_TRUE(made.ok()) << made.status();
  const TemporaryFolder folder;
  const auto store = TokenStore::Load(folder.Write("tokens.yaml", made->entry));
  ASSERT_TRUE(store.ok()) << store.status();

  const std::optional<Caller> caller = (*store)->Find(made->token);

  ASSERT_TRUE(caller.has_value());
  EXPECT_EQ(caller->name, "line-3");
  EXPECT_EQ(caller->role, Role::kAdmin);
  EXPECT_THAT(made->entry, Not(HasSubstr(made->token)));
}

TEST(MakeTokenTest, EveryTokenIsNewAndHas256Bits) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(MakeToken("a", Role::kInspect)->token);
  EXPECT_EQ(tokens.size(), 100U);
  for (const std::string& token : tokens) EXPECT_EQ(token.size(), 5U + 43U);
}

TEST(MakeTokenTest, RejectsNamesThatNoFileCanHold) {
  EXPECT_EQ(MakeToken("a: b", Role::kInspect).status().code(), absl::StatusCode::kInvalidArgument);
}

class TokenStoreTest : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::string file_ = folder_.Write("tokens.yaml", Entry("abc", "inspect", kAbcDigest));
};

TEST_F(TokenStoreTest, FindsByTokenOnly) {
  const auto store = TokenStore::Load(file_);
  ASSERT_TRUE(store.ok()) << store.status();

  ASSERT_TRUE((*store)->Find("abc").has_value());
  EXPECT_FALSE((*store)->Find("abd").has_value());
  EXPECT_FALSE((*store)->Find("").has_value());
  EXPECT_FALSE((*store)->Find(kAbcDigest).has_value());
}

TEST_F(TokenStoreTest, NamesItsHoldersInTheFilesOrder) {
  const auto first = MakeToken("line-4", Role::kInspect);
  const auto second = MakeToken("line-3", Role::kAdmin);
  folder_.Write("tokens.yaml", first->entry + "\n" + second->entry + "\n");

  const auto store = TokenStore::Load(file_);

  EXPECT_THAT((*store)->names(), ::testing::ElementsAre("line-4", "line-3"));
}

TEST_F(TokenStoreTest, NamesAFileThatIsMissing) {
  const auto store = TokenStore::Load(folder_.path() + "/none");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr(folder_.path() + "/none"));
}

TEST_F(TokenStoreTest, ANewFileReplacesTheTokens) {
  const auto store = TokenStore::Load(file_);
  const auto made = MakeToken("new", Role::kInspect);
  folder_.Write("tokens.yaml", made->entry);

  const absl::StatusOr<bool> changed = (*store)->Reload();

  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_TRUE(*changed);
  EXPECT_FALSE((*store)->Find("abc").has_value());
  EXPECT_TRUE((*store)->Find(made->token).has_value());
  EXPECT_FALSE(*(*store)->Reload());
}

TEST_F(TokenStoreTest, ABadFileKeepsTheOldTokens) {
  const auto store = TokenStore::Load(file_);
  for (const char* bad : {"- {name: x}", "- [", "{}"}) {
    folder_.Write("tokens.yaml", bad);
    EXPECT_FALSE((*store)->Reload().ok()) << bad;
    EXPECT_TRUE((*store)->Find("abc").has_value()) << bad;
  }
  std::filesystem::remove(file_);
  EXPECT_FALSE((*store)->Reload().ok());
  EXPECT_TRUE((*store)->Find("abc").has_value());
}

}  // namespace
}  // namespace bayespfl::server
