#include "model/clip/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "tests/support/cpu_timer.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kContextLength = 77;
constexpr size_t kVocabularyLines = 48895;  // the header and the merges that CLIP uses
constexpr absl::string_view kMojibake = "mojibake: \u00E2\u0153\u201D caf\u00C3\u00A9";

std::string VocabularyPath() { return absl::StrCat(testing::kDemoModel, "/bpe_simple_vocab_16e6.txt.gz"); }

std::string ReadBytes(const std::string& path) { return ReadFile(path, kMaxVocabularyBytes).value(); }

// The vocabulary's lines up to the last one that CLIP uses.
std::vector<std::string> ReadVocabularyLines() {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(VocabularyPath().c_str(), "rb"), gzclose);
  std::string text(size_t{4} << 20, '\0');
  const int count = gzread(stream.get(), text.data(), static_cast<unsigned>(text.size()));
  text.resize(static_cast<size_t>(std::max(count, 0)));
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  lines.resize(std::min(lines.size(), kVocabularyLines));
  return lines;
}

// A file, removed at the end of the scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(absl::string_view content) : path_(folder_.File("vocabulary")) {
    std::ofstream(path_, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  explicit TemporaryFile(const std::vector<std::string>& lines) : TemporaryFile(absl::StrJoin(lines, "\n")) {}

  const std::string& path() const { return path_; }

 private:
  const testing::TemporaryFolder folder_;
  const std::string path_;
};

absl::Status LoadStatus(const std::string& path) { return Tokenizer::Load(path).status(); }

// The textbook algorithm on strings, as slow as it is plain: the measure for the tokeniser's.
class SimpleBytePairs {
 public:
  SimpleBytePairs() {
    // Only for words of ASCII letters, whose byte symbols are the letters themselves; "!" (33) has id 0.
    for (int c = '!'; c <= '~'; ++c) {
      const std::string symbol(1, static_cast<char>(c));
      ids_[symbol] = c - '!';
      ids_[symbol + "</w>"] = c - '!' + 256;
    }
    const std::vector<std::string> lines = ReadVocabularyLines();
    for (size_t i = 1; i < lines.size(); ++i) {
      const std::pair<std::string, std::string> pair = absl::StrSplit(lines[i], ' ');
      ranks_[pair] = static_cast<int32_t>(i);
      ids_[pair.first + pair.second] = static_cast<int32_t>(511 + i);
    }
  }

  std::vector<int32_t> Encode(const std::string& word) const {
    std::vector<std::string> symbols;
    for (char c : word) symbols.emplace_back(1, c);
    symbols.back() += "</w>";
    while (MergeLowestRank(&symbols)) {
    }
    std::vector<int32_t> ids;
    for (const std::string& symbol : symbols) ids.push_back(ids_.at(symbol));
    return ids;
  }

 private:
  bool MergeLowestRank(std::vector<std::string>* symbols) const {
    auto best = ranks_.end();
    for (size_t i = 0; i + 1 < symbols->size(); ++i) {
      const auto found = ranks_.find({(*symbols)[i], (*symbols)[i + 1]});
      if (found != ranks_.end() && (best == ranks_.end() || found->second < best->second)) best = found;
    }
    if (best == ranks_.end()) return false;
    std::vector<std::string> merged;
    for (size_t i = 0; i < symbols->size(); ++i) {
      if (i + 1 < symbols->size() && std::pair((*symbols)[i], (*symbols)[i + 1]) == best->first) {
        merged.push_back((*symbols)[i] + (*symbols)[i + 1]);
        ++i;
      } else {
        merged.push_back((*symbols)[i]);
      }
    }
    *symbols = std::move(merged);
    return true;
  }

  std::map<std::pair<std::string, std::string>, int32_t> ranks_;
  std::map<std::string, int32_t> ids_;
};

class TokenizerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<const Tokenizer>> loaded = Tokenizer::Load(VocabularyPath());
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    tokenizer_ = *std::move(loaded);
  }
  static void TearDownTestSuite() { tokenizer_.reset(); }

  // The ids without start and end; empty (and a failed test) on an error.
  static std::vector<int32_t> EncodeInner(absl::string_view text) {
    const absl::StatusOr<std::vector<int32_t>> ids = tokenizer_->Encode(text);
    EXPECT_TRUE(ids.ok()) << ids.status();
    if (!ids.ok() || ids->size() < 2) return {};
    EXPECT_EQ(ids->front(), Tokenizer::kStartOfText);
    EXPECT_EQ(ids->back(), Tokenizer::kEndOfText);
    return std::vector<int32_t>(ids->begin() + 1, ids->end() - 1);
  }

  static bool HasSpecialToken(absl::string_view text) {
    const absl::StatusOr<bool> found = tokenizer_->ContainsSpecialToken(text);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && *found;
  }

  static inline std::unique_ptr<const Tokenizer> tokenizer_;
};

TEST_F(TokenizerTest, EqualsTheReferenceOnEveryFixtureButTheMojibake) {
  const auto cases = nlohmann::json::parse(ReadBytes(testing::TestData("tokenizer.json")));
  size_t compared = 0;
  for (const auto& item : cases) {
    const std::string text = item.at("text");
    if (text == kMojibake) continue;
    SCOPED_TRACE(text);
    ++compared;
    const absl::StatusOr<std::string> cleaned = tokenizer_->Clean(text);
    absl::StatusOr<std::vector<int32_t>> ids = tokenizer_->Encode(text);
    ASSERT_TRUE(cleaned.ok()) << cleaned.status();
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(*cleaned, item.at("cleaned_lower").get<std::string>());
    EXPECT_EQ(ids->size() > kContextLength, item.value("raises_without_truncate", false));
    const bool truncated = ids->size() > kContextLength;
    ids->resize(kContextLength, 0);
    if (truncated) ids->back() = Tokenizer::kEndOfText;
    EXPECT_EQ(*ids, item.at("ids").get<std::vector<int32_t>>());
  }
  EXPECT_EQ(compared, cases.size() - 1);
  EXPECT_EQ(compared, 93u);
}

TEST_F(TokenizerTest, LeavesMojibakeAsItIs) {
  const absl::StatusOr<std::string> cleaned = tokenizer_->Clean("caf\u00C3\u00A9");
  ASSERT_TRUE(cleaned.ok()) << cleaned.status();
  EXPECT_EQ(*cleaned, "caf\u00E3\u00A9");
}

TEST_F(TokenizerTest, EncodesTheEmptyTextAsStartAndEnd) {
  const absl::StatusOr<std::vector<int32_t>> ids = tokenizer_->Encode("");
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_THAT(*ids, ElementsAre(Tokenizer::kStartOfText, Tokenizer::kEndOfText));
}

TEST_F(TokenizerTest, GivesThePlaceholderXTheIdOfTheSpecification) { EXPECT_THAT(EncodeInner("X"), ElementsAre(343)); }

TEST_F(TokenizerTest, SplitsCombiningMarksFromLetters) {
  // "q" with an acute accent has no composed form, so the mark stays a piece of its own.
  std::vector<int32_t> expected = EncodeInner("q");
  const std::vector<int32_t> mark = EncodeInner("\u0301");
  expected.insert(expected.end(), mark.begin(), mark.end());
  EXPECT_EQ(EncodeInner("q\u0301"), expected);
}

TEST_F(TokenizerTest, TakesNumbersOneByOneAndLettersInRuns) {
  EXPECT_EQ(EncodeInner("12ab"), EncodeInner("1 2 ab"));
  EXPECT_NE(EncodeInner("ab"), EncodeInner("a b"));
}

TEST_F(TokenizerTest, PrefersASpecialTokenOnlyWhereAPieceBegins) {
  EXPECT_THAT(EncodeInner("a<|class|>"), ElementsAre(EncodeInner("a").front(), Tokenizer::kClass));
  // The run of punctuation that begins with "." takes the bracket with it.
  EXPECT_THAT(EncodeInner(".<|class|>"), ::testing::Not(::testing::Contains(Tokenizer::kClass)));
}

TEST_F(TokenizerTest, TreatsTheLongSAsAnSInContractionsAndInSpecialTokens) {
  EXPECT_NE(EncodeInner("'\u017F"), EncodeInner("' \u017F"));                 // one piece, as for "'s"
  EXPECT_EQ(EncodeInner("'\u017Fx"), EncodeInner("'\u017F x"));               // which ends after the letter
  EXPECT_NE(EncodeInner("<|cla\u017Fs|>"), EncodeInner("<| cla\u017Fs |>"));  // one piece, but not the token's id
  EXPECT_THAT(EncodeInner("<|cla\u017Fs|>"), ::testing::Not(::testing::Contains(Tokenizer::kClass)));
}

TEST_F(TokenizerTest, MergesLikeTheSimpleAlgorithmOnRandomWords) {
  const SimpleBytePairs simple;
  std::mt19937 random(20240607);
  // Few letters make long chains of competing merges, many make rare ones.
  for (const absl::string_view letters : {"ab", "aeinst", "etaoinshrdlucmfwypvbgkjqxz"}) {
    for (int i = 0; i < 300; ++i) {
      std::string word(1 + random() % 60, ' ');
      for (char& c : word) c = letters[random() % letters.size()];
      ASSERT_EQ(EncodeInner(word), simple.Encode(word)) << word;
    }
  }
}

TEST_F(TokenizerTest, EncodesOneWordOfAHundredThousandLettersWithinASecond) {
  std::mt19937 random(7);
  std::string word(100'000, 'a');
  for (char& c : word) c = static_cast<char>('a' + random() % 26);
  for (const std::string& text : {word, std::string(100'000, 'a'), std::string(100'000, '!')}) {
    const testing::CpuTimer timer;
    const std::vector<int32_t> ids = EncodeInner(text);
    EXPECT_LT(timer.Elapsed(), std::chrono::seconds(1));
    EXPECT_FALSE(ids.empty());
  }
}

TEST_F(TokenizerTest, FindsSpecialTokensInAnyDisguise) {
  for (const absl::string_view text :
       {"<|endoftext|>", "nut <|StartOfText|>", "x<|CLASS|>y", "&lt;|endoftext|&gt;", "&amp;lt;|endoftext|&amp;gt;",
        "&#60;|class|&#x3E;", "&LT;|class|&GT;", "\uFF1C|class|\uFF1E", "<|cl\u200B\u001B[0mass|>&lt|class|&gt",
        "<|end\uFEFFof\u0007text|>", "<|cla\u001B[31mss|>"}) {
    EXPECT_TRUE(HasSpecialToken(text)) << text;
  }
}

TEST_F(TokenizerTest, FindsNoSpecialTokenInOrdinaryText) {
  for (const absl::string_view text : {"", "metal nut", "endoftext", "<endoftext>", "<| endoftext |>", "&lt;|end"}) {
    EXPECT_FALSE(HasSpecialToken(text)) << text;
  }
}

TEST_F(TokenizerTest, RejectsInvalidUtf8) {
  for (const absl::string_view text : {"nut \xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80"}) {
    EXPECT_EQ(tokenizer_->Clean(text).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(tokenizer_->Encode(text).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(tokenizer_->ContainsSpecialToken(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(tokenizer_->Encode("nut \xFF").status().message(), HasSubstr("byte 4"));
}

TEST_F(TokenizerTest, LoadsAPlainFileLikeTheCompressedOne) {
  const TemporaryFile plain(ReadVocabularyLines());
  const absl::StatusOr<std::unique_ptr<const Tokenizer>> loaded = Tokenizer::Load(plain.path());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const absl::StatusOr<std::vector<int32_t>> ids = (*loaded)->Encode("a damaged printed circuit board");
  ASSERT_TRUE(ids.ok()) << ids.status();
  EXPECT_EQ(*ids, *tokenizer_->Encode("a damaged printed circuit board"));
}

TEST(TokenizerLoadTest, ReportsAMissingFile) {
  const absl::Status status = LoadStatus(::testing::TempDir() + "/no_such_folder/vocabulary.gz");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("no_such_folder/vocabulary.gz"));
}

TEST(TokenizerLoadTest, RejectsAFolder) {
  EXPECT_EQ(LoadStatus(::testing::TempDir()).code(), absl::StatusCode::kDataLoss);
}

TEST(TokenizerLoadTest, RejectsATruncatedGzipFile) {
  const std::string whole = ReadBytes(VocabularyPath());
  for (const size_t length : {size_t{5}, size_t{1000}, whole.size() / 2, whole.size() - 1}) {
    const TemporaryFile file(absl::string_view(whole).substr(0, length));
    EXPECT_EQ(LoadStatus(file.path()).code(), absl::StatusCode::kDataLoss) << length;
  }
}

TEST(TokenizerLoadTest, RejectsADamagedGzipFile) {
  std::string content = ReadBytes(VocabularyPath());
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 0x55);
  const TemporaryFile file(content);
  EXPECT_EQ(LoadStatus(file.path()).code(), absl::StatusCode::kDataLoss);
}

TEST(TokenizerLoadTest, RejectsAGzipFileThatInflatesBeyondTheLimit) {
  const TemporaryFile file("");
  gzFile stream = gzopen(file.path().c_str(), "wb1");
  const std::string megabyte(size_t{1} << 20, 'x');
  for (int i = 0; i < 65; ++i) gzwrite(stream, megabyte.data(), static_cast<unsigned>(megabyte.size()));
  gzclose(stream);
  const absl::Status status = LoadStatus(file.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("67108864 bytes"));
}

struct BadLine {
  size_t number;  // 1-based
  std::string line;
};

class TokenizerBadLineTest : public ::testing::TestWithParam<BadLine> {};

TEST_P(TokenizerBadLineTest, NamesTheLine) {
  std::vector<std::string> lines = ReadVocabularyLines();
  lines[GetParam().number - 1] = GetParam().line;
  const TemporaryFile file(lines);
  const absl::Status status = LoadStatus(file.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("line ", GetParam().number, ":")));
}

INSTANTIATE_TEST_SUITE_P(Lines, TokenizerBadLineTest,
                         ::testing::Values(BadLine{1, "i n"}, BadLine{2, "an in"}, BadLine{100, ""},
                                           BadLine{200, "oneword"}, BadLine{300, "a b c"}, BadLine{400, "a  b"},
                                           BadLine{500, "a \xFF"}, BadLine{600, "i n"},
                                           BadLine{48895, "jeky nowhere"}));

TEST(TokenizerLoadTest, RejectsAFileWithTooFewMerges) {
  std::vector<std::string> lines = ReadVocabularyLines();
  lines.pop_back();
  const TemporaryFile file(lines);
  const absl::Status status = LoadStatus(file.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("line 48895"));
}

TEST(TokenizerLoadTest, RejectsAnEmptyFile) {
  const TemporaryFile file("");
  EXPECT_EQ(LoadStatus(file.path()).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace bayespfl
