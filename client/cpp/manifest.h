// Manifests: CSV files that name pictures, their categories and, where those say nothing to the model, what they show.
//
//   image,category,object,note
//   nuts/001.png,MN-17 rev B,metal nut,"scratched, left"
//
// RFC 4180: fields may be quoted, quotes inside are doubled, quoted fields may span lines; LF and CRLF, an optional
// byte order mark, empty lines and rows of blank fields are accepted. The header names the columns, in any order;
// `image` and `category` must be there, `object` and `significant_bits` (of 16-bit pictures, 9..16) may be, others are
// ignored.
#ifndef BAYESPFL_CLIENT_CPP_MANIFEST_H_
#define BAYESPFL_CLIENT_CPP_MANIFEST_H_

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::client {

inline constexpr size_t kMaxManifestBytes = size_t{64} << 20;

struct ManifestEntry {
  std::string image;           // as written
  std::filesystem::path path;  // `image`, relative ones taken from the manifest's folder; need not exist
  std::string category;        // never empty
  std::optional<std::string> object = std::nullopt;  // absent: there is no such column, or the field is empty
  int significant_bits = 0;                          // 9..16; 0: there is no such column, or the field is empty
  int line = 0;                                      // where the row starts, from 1
};

// Entries in the order of the rows. INVALID_ARGUMENT, with the line, for: a column `image` or `category` that is
// missing, one of the four that is named twice, significant bits that are no number of 9..16, a row with more or fewer
// fields than the header, an empty image or category, broken quoting. Without one, for: no header, no rows. `folder` is
// what relative paths are relative to.
absl::StatusOr<std::vector<ManifestEntry>> ParseManifest(absl::string_view text, const std::filesystem::path& folder);

// Reads the file: errors as ReadFile's (base/files.h) and ParseManifest's, with its name in every message.
absl::StatusOr<std::vector<ManifestEntry>> ReadManifest(const std::filesystem::path& file);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_MANIFEST_H_
