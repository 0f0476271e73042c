// What an evaluation has computed so far, on disk, so that an interrupted run continues where it stopped.
//
//   identity        one line: what the results depend on; other results are of no use
//   results.jsonl   one line per picture: CRC-32 of the rest of the line, a blank, a JSON object
//   maps/N.f32      the raw map of picture N: little-endian float32, row-major, at model size
//
// A line is appended only after its map has been written. Whatever is damaged (a cut line, a wrong checksum, a map of
// another size or content) is dropped and computed anew.
#ifndef BAYESPFL_MODEL_EVALUATION_RUN_STATE_H_
#define BAYESPFL_MODEL_EVALUATION_RUN_STATE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/detection/pixel_map.h"

namespace bayespfl {

// What is kept of one picture besides its map.
struct StoredScores {
  float score = 0;
  float score_std = 0;
  float map_score = 0;
  std::string files_digest;  // ItemFiles::Digest() of what was inspected
  uint32_t map_crc = 0;      // CRC-32 of the map's bytes; set by Put()
};

// Not thread-safe. Holds a lock on the folder as long as it lives.
class RunState final {
 public:
  // Opens or makes the folder. Results of another identity are deleted. `map_side`: width and height of every map.
  // FailedPrecondition: another process works in the folder. Other errors name the file.
  static absl::StatusOr<std::unique_ptr<RunState>> Open(const std::filesystem::path& folder,
                                                        const std::string& identity, int map_side);
  ~RunState();
  RunState(const RunState&) = delete;
  RunState& operator=(const RunState&) = delete;

  // Sentences for people about what Open() found and dropped; empty when there was nothing to say.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

  // The scores of picture `index`, or null when they are not there, come from other files or have a damaged map; the
  // latter two count as dropped(). The pointer is valid until the next Put() of that index.
  const StoredScores* Find(int64_t index, const std::string& files_digest);

  // Keeps a result: the system has it when this returns, so that it outlives this process. What a crash of the machine
  // damages is computed anew.
  absl::Status Put(int64_t index, StoredScores scores, const PixelMap& map);

  // The map of a picture that Find() or Put() has seen. DataLoss: it changed since.
  absl::StatusOr<PixelMap> LoadMap(int64_t index) const;

  // How many results Find() refused although they were there.
  [[nodiscard]] int64_t dropped() const { return dropped_; }

  // Results that are there.
  [[nodiscard]] size_t size() const { return results_.size(); }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  // Deletes the folder; call last.
  absl::Status Remove();

 private:
  RunState(std::filesystem::path folder, int map_side) : folder_(std::move(folder)), map_side_(map_side) {}

  absl::Status Lock();
  absl::Status Start(const std::string& identity);
  absl::Status ReadResults();
  [[nodiscard]] std::filesystem::path MapPath(int64_t index) const;

  std::filesystem::path folder_;
  int map_side_;
  int lock_ = -1;  // file descriptor
  std::map<int64_t, StoredScores> results_;
  std::vector<std::string> notes_;
  int64_t dropped_ = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_RUN_STATE_H_
