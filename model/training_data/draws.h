// Random draws of a training run that depend on nothing but what they are for, so that any picture of any epoch can be
// made by any thread, in any order, and again after the run was killed.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_DRAWS_H_
#define BAYESPFL_MODEL_TRAINING_DATA_DRAWS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace bayespfl {

// What draws are for; part of their key, so the values must never change.
enum class PictureDraw : uint32_t {
  kMosaic = 1,        // whether a picture becomes a mosaic, and of which others
  kAugmentation = 2,  // which changes a picture gets, and how strong
  kNoise = 3,         // the noise of its samples
  kScene = 4,         // a synthetic picture
  kPhotograph = 5,    // what a synthetic picture takes of a photograph, and the order of photographs
};

// A stream of draws: a function of (seed, purpose, epoch, index) alone. Streams of different keys are independent, and
// so are they of those of model/network/philox.h.
//
// A first Philox4x32-10 takes (index, epoch), low words first, under the seed, so that all 64 bits of each count. Two
// of its words are the stream's key, the other two are the upper half of its counter, whose lower half is (block,
// purpose).
//
// A small value: copy it to draw the same again. Distinct objects may be used from distinct threads.
class Draws {
 public:
  Draws(uint64_t seed, PictureDraw purpose, uint64_t epoch, uint64_t index);

  // 32 random bits.
  uint32_t Word();
  // [0, 1), a multiple of 2^-32.
  double Uniform();
  // [low, high).
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  // 0 .. count - 1; requires 0 < count < 2^31. The bias of the scaling is below count / 2^32.
  int64_t Below(int64_t count);
  // low .. high, both included.
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }
  // True with this probability; always takes one draw.
  bool Chance(double probability) { return Uniform() < probability; }
  // Standard normal; takes one word (NormalOfWord()).
  double Normal();
  // A stream of its own for a part of the work whose number of draws should not move the draws after it. Takes four
  // words, its key and the upper part of its counter.
  Draws Fork();

 private:
  std::array<uint32_t, 2> key_ = {};
  std::array<uint32_t, 4> counter_ = {};
  std::array<uint32_t, 4> words_ = {};
  size_t used_ = 4;  // of words_
};

// The standard normal quantile of (k + 0.5) / 2^16 with k the upper 16 bits of `word`: a normal draw in 65,536 steps
// within +-4.33, for samples of 8 bits, where Box-Muller would cost several times what the rest of a picture does.
// Thread-safe.
float NormalOfWord(uint32_t word);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_DRAWS_H_
