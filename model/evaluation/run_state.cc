#include "model/evaluation/run_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Maps are stored as they lie in memory.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

constexpr size_t kMaxStateBytes = size_t{1} << 30;

uint32_t Crc(absl::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string ToLine(int64_t index, const StoredScores& scores) {
  const std::string text = json({{"index", index},
                                 {"score", scores.score},
                                 {"score_std", scores.score_std},
                                 {"map_score", scores.map_score},
                                 {"files", scores.files_digest},
                                 {"map_crc", scores.map_crc}})
                               .dump();
  return absl::StrCat(absl::Hex(Crc(text), absl::kZeroPad8), " ", text, "\n");
}

// The result of an undamaged line. The checksum vouches for the content: this program wrote it.
std::optional<std::pair<int64_t, StoredScores>> FromLine(absl::string_view line) {
  constexpr size_t kHead = 9;  // eight digits and a blank
  uint32_t crc = 0;
  if (line.size() <= kHead || !absl::SimpleHexAtoi(line.substr(0, kHead - 1), &crc)) return std::nullopt;
  const absl::string_view text = line.substr(kHead);
  if (Crc(text) != crc) return std::nullopt;
  const json object = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  return std::pair(object.value("index", int64_t{-1}), StoredScores{.score = object.value("score", 0.0F),
                                                                    .score_std = object.value("score_std", 0.0F),
                                                                    .map_score = object.value("map_score", 0.0F),
                                                                    .files_digest = object.value("files", ""),
                                                                    .map_crc = object.value("map_crc", 0U)});
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunState>> RunState::Open(const fs::path& folder, const std::string& identity,
                                                         int map_side) {
  std::unique_ptr<RunState> state(new RunState(folder, map_side));
  std::error_code error;
  fs::create_directories(folder / "maps", error);
  if (error) return FileError("create", folder, error.value());
  if (absl::Status status = state->Lock(); !status.ok()) return status;
  if (absl::Status status = state->Start(identity); !status.ok()) return status;
  if (absl::Status status = state->ReadResults(); !status.ok()) return status;
  return state;
}

RunState::~RunState() {
  if (lock_ >= 0) close(lock_);
}

absl::Status RunState::Lock() {
  const fs::path path = folder_ / "lock";
  lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) return FileError("open", path, errno);
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("another evaluation writes to ", folder_.parent_path().string()));
  }
  return absl::OkStatus();
}

absl::Status RunState::Start(const std::string& identity) {
  const fs::path file = folder_ / "identity";
  const absl::StatusOr<std::string> before = ReadFile(file, kMaxStateBytes);
  if (before.ok() && *before == identity) return absl::OkStatus();
  std::error_code error;
  const bool had_results = fs::exists(folder_ / "results.jsonl", error);
  fs::remove(folder_ / "results.jsonl", error);
  if (!error) fs::remove_all(folder_ / "maps", error);
  if (!error) fs::create_directories(folder_ / "maps", error);
  if (error) return FileError("clear", folder_, error.value());
  if (had_results) {
    notes_.emplace_back(
        "the results of an earlier run belong to another model, data set or setting; all is computed anew");
  }
  return WriteFile(file, identity);
}

absl::Status RunState::ReadResults() {
  const fs::path file = folder_ / "results.jsonl";
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxStateBytes);
  if (!text.ok()) return absl::OkStatus();  // nothing has been kept yet
  std::vector<absl::string_view> lines = absl::StrSplit(*text, '\n');
  const bool cut = !lines.back().empty();
  lines.pop_back();
  int damaged = cut ? 1 : 0;
  std::string good;
  for (const absl::string_view line : lines) {
    const auto result = FromLine(line);
    if (!result.has_value()) {
      ++damaged;
      continue;
    }
    results_[result->first] = result->second;
    absl::StrAppend(&good, line, "\n");
  }
  if (damaged == 0) return absl::OkStatus();
  notes_.push_back(
      absl::StrCat(damaged, " damaged result", damaged == 1 ? "" : "s", " of an earlier run will be computed anew"));
  return WriteFile(file, good);
}

fs::path RunState::MapPath(int64_t index) const { return folder_ / "maps" / absl::StrCat(index, ".f32"); }

const StoredScores* RunState::Find(int64_t index, const std::string& files_digest) {
  const auto found = results_.find(index);
  if (found == results_.end()) return nullptr;
  if (found->second.files_digest == files_digest && LoadMap(index).ok()) return &found->second;
  ++dropped_;
  return nullptr;
}

absl::Status RunState::Put(int64_t index, StoredScores scores, const PixelMap& map) {
  const absl::string_view bytes(reinterpret_cast<const char*>(map.values.data()), map.values.size() * sizeof(float));
  if (map.width != map_side_ || map.height != map_side_) {
    return absl::InternalError(absl::StrCat("a map of ", map.width, "x", map.height, " from a model of ", map_side_));
  }
  if (absl::Status status = WriteFile(MapPath(index), bytes); !status.ok()) return status;
  scores.map_crc = Crc(bytes);
  const fs::path file = folder_ / "results.jsonl";
  errno = 0;
  std::ofstream stream(file, std::ios::binary | std::ios::app);
  stream << ToLine(index, scores);
  stream.close();
  if (!stream) return FileError("write", file, errno);
  results_[index] = std::move(scores);
  return absl::OkStatus();
}

absl::StatusOr<PixelMap> RunState::LoadMap(int64_t index) const {
  PixelMap map{map_side_, map_side_, {}};
  map.values.resize(static_cast<size_t>(map_side_) * static_cast<size_t>(map_side_));
  const absl::StatusOr<std::string> bytes = ReadFile(MapPath(index), kMaxStateBytes);
  if (!bytes.ok()) return bytes.status();
  const auto scores = results_.find(index);
  if (scores == results_.end() || bytes->size() != map.values.size() * sizeof(float) ||
      Crc(*bytes) != scores->second.map_crc) {
    return absl::DataLossError(absl::StrCat(MapPath(index).string(), " is damaged"));
  }
  std::memcpy(map.values.data(), bytes->data(), bytes->size());
  return map;
}

absl::Status RunState::Remove() {
  std::error_code error;
  fs::remove_all(folder_, error);
  return error ? FileError("remove", folder_, error.value()) : absl::OkStatus();
}

}  // namespace bayespfl
