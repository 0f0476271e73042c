#include "model/image/picture_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <iterator>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/files.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

absl::Status CannotRead(absl::string_view kind, const fs::path& path, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read the ", kind, " ", path.string()));
}

// Walks one tree. By hand: the standard library's recursive iterator neither tells which folder it could not read nor
// ends on loops of links.
class Walk {
 public:
  explicit Walk(const WalkOptions& options) : options_(options) {}

  // Links to folders wait until all that lies in the tree itself has been read.
  absl::Status Run(const fs::path& folder) {
    absl::Status status = Read(folder);
    while (status.ok() && !links_.empty()) {
      const fs::path link = std::move(links_.front());
      links_.pop_front();
      status = Read(link);
    }
    return status;
  }

  std::vector<fs::path>& pictures() { return pictures_; }
  const LeftOut& left_out() const { return left_out_; }

 private:
  absl::Status Read(const fs::path& folder) {
    const absl::StatusOr<bool> is_new = IsNew(folder);
    if (!is_new.ok()) return is_new.status();
    if (!*is_new) {
      ++left_out_.read_before;
      return absl::OkStatus();
    }
    std::vector<fs::path> files;
    std::vector<fs::path> folders;
    std::vector<fs::path> links;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      std::error_code ignored;
      if (absl::StartsWith(entry->path().filename().string(), ".")) {
        ++left_out_.hidden;
      } else if (entry->is_directory(ignored)) {
        const bool excluded = options_.exclude.has_value() && fs::equivalent(entry->path(), *options_.exclude, ignored);
        if (!excluded) (entry->is_symlink(ignored) ? links : folders).push_back(entry->path());
      } else if (entry->is_regular_file(ignored)) {
        files.push_back(entry->path());
      } else {
        ++left_out_.dead_links;
      }
    }
    if (error) return CannotRead("folder", folder, error);
    // The order in which a system lists a folder must not decide which of two links is followed.
    std::sort(links.begin(), links.end());
    links_.insert(links_.end(), links.begin(), links.end());
    Keep(std::move(files));
    for (const fs::path& below : folders) {
      if (absl::Status status = Read(below); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsNew(const fs::path& folder) {
    struct stat status{};
    if (stat(folder.c_str(), &status) != 0) {
      return CannotRead("folder", folder, std::error_code(errno, std::generic_category()));
    }
    return read_.emplace(status.st_dev, status.st_ino).second;
  }

  void Keep(std::vector<fs::path> files) {
    std::set<std::string> here;
    for (const fs::path& file : files) here.insert(file.string());
    for (fs::path& file : files) {
      if (!HasPictureExtension(file)) {
        ++left_out_.other_kinds[absl::AsciiStrToLower(file.extension().string())];
      } else if (options_.skip_results && IsResult(file, here)) {
        ++left_out_.results;
      } else {
        pictures_.push_back(std::move(file));
      }
    }
  }

  // An overlay and a mask of one name lie beside each other: the two that OutputNames gives out together.
  static bool IsResult(const fs::path& file, const std::set<std::string>& here) {
    const std::string text = file.string();
    absl::string_view name = text;
    if (absl::ConsumeSuffix(&name, kOverlayEnding)) return here.contains(absl::StrCat(name, kMaskEnding));
    return absl::ConsumeSuffix(&name, kMaskEnding) && here.contains(absl::StrCat(name, kOverlayEnding));
  }

  const WalkOptions& options_;
  std::vector<fs::path> pictures_;
  LeftOut left_out_;
  std::set<std::pair<dev_t, ino_t>> read_;  // folders
  std::deque<fs::path> links_;              // to folders, not followed yet
};

std::string Counted(int64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

std::string OtherKinds(const std::map<std::string, int64_t>& kinds) {
  constexpr size_t kShown = 4;
  int64_t count = 0;
  std::vector<std::string> endings;
  for (const auto& [ending, files] : kinds) {
    count += files;
    if (endings.size() < kShown) endings.push_back(ending.empty() ? "no ending" : ending);
  }
  if (kinds.size() > kShown) endings.emplace_back("...");
  return absl::StrCat(count, " of another kind (", absl::StrJoin(endings, ", "), ")");
}

}  // namespace

bool HasPictureExtension(const fs::path& file) {
  // .jpe and .jfif are JPEG; .mpo is too, with more pictures behind the first.
  static constexpr std::array<absl::string_view, 10> kExtensions = {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo",
                                                                    ".png", ".bmp",  ".tif", ".tiff", ".webp"};
  const std::string extension = absl::AsciiStrToLower(file.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::string PictureName(const fs::path& file) {
  const bool leaves = std::find(file.begin(), file.end(), fs::path("..")) != file.end();
  return file.is_absolute() || leaves ? file.filename().string() : file.lexically_normal().generic_string();
}

int64_t LeftOut::total() const {
  int64_t total = hidden + results + dead_links + read_before;
  for (const auto& [ending, files] : other_kinds) total += files;
  return total;
}

std::string LeftOut::Sentence() const {
  if (total() == 0) return "";
  std::vector<std::string> parts;
  if (hidden > 0) parts.push_back(absl::StrCat(hidden, " hidden"));
  if (!other_kinds.empty()) parts.push_back(OtherKinds(other_kinds));
  if (results > 0) parts.push_back(Counted(results, "result of an inspection", "results of inspections"));
  if (dead_links > 0) parts.push_back(Counted(dead_links, "dead link or device", "dead links or devices"));
  if (read_before > 0) parts.push_back(Counted(read_before, "link", "links") + " to folders that were read already");
  return absl::StrCat(Counted(total(), "file", "files"), " left out: ", absl::StrJoin(parts, ", "));
}

LeftOut& LeftOut::operator+=(const LeftOut& other) {
  hidden += other.hidden;
  results += other.results;
  dead_links += other.dead_links;
  read_before += other.read_before;
  for (const auto& [ending, files] : other.other_kinds) other_kinds[ending] += files;
  return *this;
}

absl::StatusOr<FoundPictures> PicturesBelow(const fs::path& folder, const WalkOptions& options) {
  Walk walk(options);
  if (absl::Status status = walk.Run(folder); !status.ok()) return status;
  std::sort(walk.pictures().begin(), walk.pictures().end());
  FoundPictures found{.left_out = walk.left_out()};
  for (fs::path& picture : walk.pictures()) {
    std::string name = picture.lexically_relative(folder).generic_string();
    found.files.push_back({.path = std::move(picture), .name = std::move(name)});
  }
  return found;
}

absl::StatusOr<FoundPictures> FindPictureFiles(const std::vector<std::string>& arguments,
                                               const std::optional<fs::path>& exclude) {
  FoundPictures found;
  for (const std::string& argument : arguments) {
    const fs::path path = argument;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) {
      return absl::NotFoundError(absl::StrCat("no such file or folder: ", argument));
    }
    if (status.type() == fs::file_type::none) return CannotRead("file", path, error);
    if (!fs::is_directory(status)) {
      found.files.push_back({.path = path, .name = PictureName(path)});
      continue;
    }
    absl::StatusOr<FoundPictures> below = PicturesBelow(path, {.exclude = exclude});
    if (!below.ok()) return below.status();
    if (below->files.empty()) {
      const std::string left_out = below->left_out.Sentence();
      return absl::NotFoundError(absl::StrCat("no picture in the folder ", argument,
                                              left_out.empty() ? "" : absl::StrCat(" (", left_out, ")")));
    }
    std::move(below->files.begin(), below->files.end(), std::back_inserter(found.files));
    found.left_out += below->left_out;
  }
  return found;
}

absl::StatusOr<std::string> ReadPictureFile(const fs::path& path) { return ReadFile(path, kMaxPictureFileBytes); }

}  // namespace bayespfl
