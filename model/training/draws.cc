#include "model/training/draws.h"

#include <array>
#include <cstddef>
#include <numeric>
#include <utility>

#include "model/network/noise.h"
#include "model/network/philox.h"

namespace bayespfl {
namespace {

// Last word of the counter: FillNormal() has 0 there, so that no draw of its is one of these.
constexpr uint32_t kTraining = 1;

std::array<uint32_t, 4> Words(uint64_t seed, DrawPurpose purpose, uint64_t index) {
  return Philox4x32(
      {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), static_cast<uint32_t>(purpose), kTraining},
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

// Uniform in 0 .. count - 1; off by less than count / 2^32.
int64_t Below(uint32_t word, int64_t count) {
  return static_cast<int64_t>((uint64_t{word} * static_cast<uint64_t>(count)) >> 32);
}

torch::Tensor Normal(uint64_t seed, NoiseStream stream, int64_t rows, int64_t width) {
  const torch::Tensor noise = torch::empty({rows, width});
  DrawNoise(seed, stream, noise);
  return noise;
}

}  // namespace

uint64_t DrawKey(uint64_t seed, DrawPurpose purpose, uint64_t index) {
  const std::array<uint32_t, 4> words = Words(seed, purpose, index);
  return uint64_t{words[1]} << 32 | words[0];
}

StepNoise DrawStepNoise(uint64_t seed, uint64_t step, int64_t pictures, int64_t width, torch::Device device) {
  const uint64_t key = DrawKey(seed, DrawPurpose::kNoise, step);
  return {.context = Normal(key, NoiseStream::kContext, pictures, width).to(device),
          .normal = Normal(key, NoiseStream::kNormal, 1, width)[0].to(device),
          .abnormal = Normal(key, NoiseStream::kAbnormal, 1, width)[0].to(device)};
}

int64_t DrawPromptIndex(uint64_t seed, uint64_t step, int64_t prompts) {
  return Below(Words(seed, DrawPurpose::kPrompt, step)[0], prompts);
}

std::vector<int64_t> DrawOrder(uint64_t seed, uint64_t epoch, int64_t pictures) {
  const uint64_t key = DrawKey(seed, DrawPurpose::kOrder, epoch);
  std::vector<int64_t> order(static_cast<size_t>(pictures));
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates.
  for (int64_t last = pictures - 1; last > 0; --last) {
    const int64_t other = Below(Words(key, DrawPurpose::kOrder, static_cast<uint64_t>(last))[0], last + 1);
    std::swap(order[static_cast<size_t>(last)], order[static_cast<size_t>(other)]);
  }
  return order;
}

}  // namespace bayespfl
