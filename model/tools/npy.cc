#include "model/tools/npy.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl {

absl::Status WriteNpy(const std::string& path, const PixelMap& map) {
  constexpr size_t kPreludeBytes = 10;  // magic, version, header length
  constexpr size_t kAlignment = 64;
  std::string header =
      absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", map.height, ", ", map.width, "), }");
  while ((kPreludeBytes + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';
  const auto size = static_cast<uint16_t>(header.size());
  const char prelude[kPreludeBytes] = {
      '\x93', 'N', 'U', 'M', 'P', 'Y', '\x01', '\x00', static_cast<char>(size & 0xFFU), static_cast<char>(size >> 8U)};
  const absl::string_view values(reinterpret_cast<const char*>(map.values.data()), map.values.size() * sizeof(float));
  return WriteFile(path, absl::StrCat(absl::string_view(prelude, kPreludeBytes), header, values));
}

}  // namespace bayespfl
