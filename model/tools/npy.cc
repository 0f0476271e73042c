#include "model/tools/npy.h"

#include <cstdint>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace bayespfl {

absl::Status WriteNpy(const std::string& path, const PixelMap& map) {
  constexpr size_t kPreludeBytes = 10;  // magic, version, header length
  constexpr size_t kAlignment = 64;
  std::string header =
      absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", map.height, ", ", map.width, "), }");
  while ((kPreludeBytes + header.size() + 1) % kAlignment != 0) header += ' ';
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << "\x93NUMPY" << '\x01' << '\x00' << static_cast<char>(header.size() & 0xFF)
       << static_cast<char>(header.size() >> 8) << header;
  file.write(reinterpret_cast<const char*>(map.values.data()),
             static_cast<std::streamsize>(map.values.size() * sizeof(float)));
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

}  // namespace bayespfl
