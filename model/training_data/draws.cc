#include "model/training_data/draws.h"

#include <cmath>
#include <numbers>
#include <vector>

#include "model/network/philox.h"

namespace bayespfl {
namespace {

constexpr size_t kQuantiles = size_t{1} << 16;

// The q < 0 with P(normal < q) = p < 0.5, by Newton's method from a bound below it: P(normal < -a) <= exp(-a^2 / 2)
// / 2. The distribution function is convex below 0, so the first step goes past the solution and the others come back
// to it from one side.
double LowerQuantile(double p) {
  double q = -std::sqrt(-2.0 * std::log(2.0 * p));
  for (int step = 0; step < 60; ++step) {
    const double density = std::exp(-0.5 * q * q) / std::sqrt(2.0 * std::numbers::pi);
    const double move = (0.5 * std::erfc(-q / std::numbers::sqrt2) - p) / density;
    q -= move;
    if (std::abs(move) < 1e-14) break;
  }
  return q;
}

std::vector<float> MakeQuantiles() {
  std::vector<float> quantiles(kQuantiles);
  for (size_t k = 0; k < kQuantiles / 2; ++k) {
    const double q = LowerQuantile((static_cast<double>(k) + 0.5) / static_cast<double>(kQuantiles));
    quantiles[k] = static_cast<float>(q);
    quantiles[kQuantiles - 1 - k] = static_cast<float>(-q);
  }
  return quantiles;
}

}  // namespace

Draws::Draws(uint64_t seed, PictureDraw purpose, uint64_t epoch, uint64_t index) {
  const std::array<uint32_t, 4> stream = Philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                                                     static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)},
                                                    {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  key_ = {stream[0], stream[1]};
  counter_ = {0, static_cast<uint32_t>(purpose), stream[2], stream[3]};
}

uint32_t Draws::Word() {
  if (used_ == words_.size()) {
    words_ = Philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return words_[used_++];
}

double Draws::Uniform() { return static_cast<double>(Word()) * 0x1p-32; }

int64_t Draws::Below(int64_t count) {
  return static_cast<int64_t>((static_cast<uint64_t>(Word()) * static_cast<uint64_t>(count)) >> 32);
}

double Draws::Normal() { return static_cast<double>(NormalOfWord(Word())); }

Draws Draws::Fork() {
  Draws fork = *this;
  for (uint32_t& word : fork.key_) word = Word();
  fork.counter_[0] = 0;
  for (const size_t upper : {size_t{2}, size_t{3}}) fork.counter_.at(upper) = Word();
  fork.used_ = fork.words_.size();
  return fork;
}

float NormalOfWord(uint32_t word) {
  static const auto* const kTable = new std::vector<float>(MakeQuantiles());
  return (*kTable)[word >> 16];
}

}  // namespace bayespfl
