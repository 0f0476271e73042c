// decode_rgb FILE...: for each file a line "WIDTH HEIGHT" and its pixels as raw RGB8, or a line "refused: WHY". What
// the comparison with other decoders (compare_decoders_test.py) runs.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/image/decode.h"

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const absl::StatusOr<bayespfl::RgbImage> image =
        bayespfl::DecodeImage({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    if (!image.ok()) {
      std::printf("refused: %s\n", std::string(image.status().message()).c_str());
      continue;
    }
    std::printf("%d %d\n", image->width, image->height);
    std::fwrite(image->pixels.data(), 1, image->pixels.size(), stdout);
  }
  return 0;
}
