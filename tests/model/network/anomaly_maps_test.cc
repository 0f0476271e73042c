#include "model/network/anomaly_maps.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "c10/core/Allocator.h"
#include "c10/util/ThreadLocalDebugInfo.h"
#include "gtest/gtest.h"
#include "model/libtorch.h"

namespace bayespfl {
namespace {

// Step by step, with every map of every sample at full size.
AnomalyMaps Plain(const torch::Tensor& logits, int64_t side) {
  std::vector<torch::Tensor> samples;
  for (const torch::Tensor& sample : logits.unbind()) {
    samples.push_back(torch::sigmoid(UpsampleLogits(sample, side)).mean(0));
  }
  const torch::Tensor all = torch::stack(samples);
  return {.mean = all.mean(0), .deviation = all.std(0, /*unbiased=*/false)};
}

torch::Tensor Logits(int64_t samples, int64_t maps, int64_t grid) {
  torch::manual_seed(1);
  return 3 * torch::randn({samples, maps, grid, grid});
}

double Difference(const torch::Tensor& a, const torch::Tensor& b) { return (a - b).abs().max().item<double>(); }

// Every form: LibTorch's and those of our own that this processor runs.
std::vector<std::optional<InstructionSet>> Forms() {
  std::vector<std::optional<InstructionSet>> forms = {std::nullopt};
  for (const InstructionSet own : InstructionSets()) forms.emplace_back(own);
  return forms;
}

class AnomalyMapsTest : public ::testing::TestWithParam<std::optional<InstructionSet>> {
 protected:
  static AnomalyMaps Fuse(const torch::Tensor& logits, int64_t side, bool want_deviation) {
    return FuseAnomalyMaps(logits, {.side = side, .want_deviation = want_deviation, .kernel = GetParam()});
  }

  const c10::InferenceMode inference_;
};

TEST_P(AnomalyMapsTest, AtTheEmbeddedModelsSizeTheMapsAreThePlainOnes) {
  const torch::Tensor logits = Logits(10, 12, 28);
  const AnomalyMaps expected = Plain(logits, 224);
  const AnomalyMaps maps = Fuse(logits, 224, true);
  EXPECT_LE(Difference(maps.mean, expected.mean), 1e-6);
  EXPECT_LE(Difference(maps.deviation, expected.deviation), 1e-6);
}

TEST_P(AnomalyMapsTest, AtThePublishedSizeTheMapsAreThePlainOnes) {
  const torch::Tensor logits = Logits(3, 12, 37);
  const AnomalyMaps expected = Plain(logits, 518);
  const AnomalyMaps maps = Fuse(logits, 518, true);
  EXPECT_LE(Difference(maps.mean, expected.mean), 1e-6);
  EXPECT_LE(Difference(maps.deviation, expected.deviation), 1e-6);
}

TEST_P(AnomalyMapsTest, LogitsMayLieInMemoryInAnyOrder) {
  const torch::Tensor logits = Logits(3, 4, 6);
  const AnomalyMaps expected = Fuse(logits, 30, true);
  const AnomalyMaps maps = Fuse(logits.transpose(0, 3).contiguous().transpose(0, 3), 30, true);
  EXPECT_TRUE(maps.mean.equal(expected.mean));
  EXPECT_TRUE(maps.deviation.equal(expected.deviation));
}

TEST_P(AnomalyMapsTest, TheSameLogitsGiveTheSameBits) {
  const torch::Tensor logits = Logits(4, 6, 9);
  const AnomalyMaps once = Fuse(logits, 72, true);
  const AnomalyMaps again = Fuse(logits, 72, true);
  EXPECT_TRUE(once.mean.equal(again.mean));
  EXPECT_TRUE(once.deviation.equal(again.deviation));
  EXPECT_TRUE(Fuse(logits, 72, false).mean.equal(once.mean));
}

// --- memory ---

// Counts what LibTorch allocates on this thread.
class MemoryCount final : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void* /*memory*/, int64_t bytes, size_t /*allocated*/, size_t /*reserved*/,
                         c10::Device /*device*/) override {
    live_ += bytes;
    peak_ = std::max(peak_, live_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak() const { return peak_; }

 private:
  int64_t live_ = 0;
  int64_t peak_ = 0;
};

constexpr int64_t kSide = 64;
constexpr int64_t kMapBytes = kSide * kSide * int64_t{sizeof(float)};

int64_t PeakBytes(std::optional<InstructionSet> kernel, int64_t samples, int64_t maps, bool want_deviation) {
  const torch::Tensor logits = Logits(samples, maps, 5);
  const auto count = std::make_shared<MemoryCount>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, count);
  FuseAnomalyMaps(logits, {.side = kSide, .want_deviation = want_deviation, .kernel = kernel});
  return count->peak();
}

TEST_P(AnomalyMapsTest, MoreSamplesTakeNoMoreMemory) {
  for (const bool want_deviation : {false, true}) {
    const int64_t few = PeakBytes(GetParam(), 2, 6, want_deviation);
    EXPECT_GE(few, kMapBytes);
    EXPECT_EQ(PeakBytes(GetParam(), 9, 6, want_deviation), few);
  }
}

TEST_P(AnomalyMapsTest, NoDeviationIsComputedThatNobodyAskedFor) {
  EXPECT_FALSE(Fuse(Logits(2, 3, 5), kSide, false).deviation.defined());
  EXPECT_LE(PeakBytes(GetParam(), 3, 1, false) + kMapBytes, PeakBytes(GetParam(), 3, 1, true));
}

TEST(OwnAnomalyMapsTest, NothingOfFullSizeIsThereButTheResult) {
  for (const InstructionSet own : InstructionSets()) {
    EXPECT_EQ(PeakBytes(own, 4, 12, false), kMapBytes);
    EXPECT_EQ(PeakBytes(own, 4, 12, true), 2 * kMapBytes);
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, AnomalyMapsTest, ::testing::ValuesIn(Forms()), [](const auto& form) {
  return std::string(form.param.has_value() ? InstructionSetName(*form.param) : "torch");
});

}  // namespace
}  // namespace bayespfl
