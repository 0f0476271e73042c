#include "tests/model/image/camera_pixels.h"

#include <array>
#include <cstddef>
#include <random>

namespace bayespfl::testing {
namespace {

int Reflected(int i, int size) {
  if (i < 0) return Reflected(-i, size);
  if (i >= size) return Reflected(2 * (size - 1) - i, size);
  return i;
}

void SetBit(std::vector<uint8_t>& bytes, size_t first_byte, size_t bit, bool value) {
  uint8_t& byte = bytes[first_byte + bit / 8];
  const auto mask = static_cast<uint8_t>(1U << (bit % 8));
  byte = static_cast<uint8_t>(value ? byte | mask : byte & ~mask);
}

// Which bit of its row, counted from the first byte's least significant one, holds bit `bit` of sample `x`.
size_t PlaceOf(const std::string& layout, size_t x, size_t bit, size_t bits) {
  if (layout == "words") return 16 * x + bit;
  if (layout == "p") return bits * x + bit;
  const size_t low = bits - 8;
  const size_t group = 24 * (x / 2);
  const bool second = x % 2 != 0;
  if (bit >= low) return group + (second ? 16 : 0) + (bit - low);
  return group + 8 + (second ? 4 : 0) + bit;
}

// The samples whose mean is `wanted` ('R', 'G' or 'B') at a place, as offsets.
std::vector<std::array<int, 2>> Nearest(const std::string& pattern, int x, int y, char wanted) {
  const auto color = [&](int dx, int dy) {
    return pattern[static_cast<size_t>(2 * ((y + dy + 2) % 2) + (x + dx + 2) % 2)];
  };
  for (const int distance : {0, 1, 2}) {  // squared
    std::vector<std::array<int, 2>> found;
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        if (dx * dx + dy * dy == distance && color(dx, dy) == wanted) found.push_back({dx, dy});
      }
    }
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace

uint32_t Samples::at(int x, int y) const {
  return values[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
}

uint32_t Samples::mirrored(int x, int y) const { return at(Reflected(x, width), Reflected(y, height)); }

Samples RandomSamples(int width, int height, int bits) {
  Samples samples{.width = width, .height = height, .bits = bits, .values = {}};
  std::mt19937 generator(static_cast<uint32_t>(width + 1000 * height + 1'000'000 * bits));
  for (int i = 0; i < width * height; ++i) samples.values.push_back(static_cast<uint32_t>(generator() >> (32 - bits)));
  return samples;
}

std::vector<uint8_t> Packed(const Samples& samples, const std::string& layout, int stride) {
  std::vector<uint8_t> bytes(static_cast<size_t>(stride) * static_cast<size_t>(samples.height), 0xFF);
  for (int y = 0; y < samples.height; ++y) {
    const auto row = static_cast<size_t>(y) * static_cast<size_t>(stride);
    for (int x = 0; x < samples.width; ++x) {
      const uint32_t value = samples.at(x, y);
      for (size_t bit = 0; bit < 16 && layout == "words"; ++bit) {
        SetBit(bytes, row, PlaceOf(layout, static_cast<size_t>(x), bit, 16), ((value >> bit) & 1U) != 0);
      }
      const auto bits = static_cast<size_t>(samples.bits);
      for (size_t bit = 0; bit < bits && layout != "words"; ++bit) {
        SetBit(bytes, row, PlaceOf(layout, static_cast<size_t>(x), bit, bits), ((value >> bit) & 1U) != 0);
      }
    }
  }
  return bytes;
}

uint8_t Reduced(uint64_t value, int bits) {
  const uint64_t most = (uint64_t{1} << bits) - 1;
  return static_cast<uint8_t>((2 * 255 * value + most) / (2 * most));
}

std::vector<uint8_t> Interpolated(const Samples& mosaic, const std::string& pattern) {
  const uint64_t most = (uint64_t{1} << mosaic.bits) - 1;
  std::vector<uint8_t> rgb;
  for (int y = 0; y < mosaic.height; ++y) {
    for (int x = 0; x < mosaic.width; ++x) {
      for (const char wanted : {'R', 'G', 'B'}) {
        const auto nearest = Nearest(pattern, x, y, wanted);
        uint64_t sum = 0;
        for (const auto& [dx, dy] : nearest) sum += mosaic.mirrored(x + dx, y + dy);
        const uint64_t count = nearest.size();
        if (mosaic.bits > 14) {
          rgb.push_back(Reduced((2 * sum + count) / (2 * count), mosaic.bits));
        } else {
          rgb.push_back(static_cast<uint8_t>((2 * 255 * sum + count * most) / (2 * count * most)));
        }
      }
    }
  }
  return rgb;
}

}  // namespace bayespfl::testing
