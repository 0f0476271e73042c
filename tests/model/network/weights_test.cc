// On the CPU alone: names, shapes and types are the same wherever the weights go.

#include "model/network/weights.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Tensors that lie in memory and not in a file.
class TensorsInMemory final : public TensorSource {
 public:
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const TensorView* Find(const std::string& tensor) const override {
    const auto found = views_.find(tensor);
    return found == views_.end() ? nullptr : &found->second;
  }

  void Add(const std::string& tensor, std::vector<int64_t> shape, const std::vector<float>& values) {
    std::vector<uint8_t>& bytes = bytes_[tensor];
    bytes.resize(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    views_[tensor] = {.dtype = DType::kF32, .shape = std::move(shape), .data = bytes};
  }

 private:
  const std::string name_ = "memory";
  std::map<std::string, std::vector<uint8_t>> bytes_;
  std::map<std::string, TensorView> views_;
};

std::vector<float> Values(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

TEST(WeightReaderTest, LoadsALayerFromAnySourceOfTensors) {
  TensorsInMemory source;
  source.Add("fc.weight", {1, 2}, {2, 3});
  source.Add("fc.bias", {1}, {0.5F});
  WeightReader reader(source, torch::kCPU);

  const Linear layer = reader.TakeLinear("fc", 2, 1);

  ASSERT_TRUE(reader.status().ok()) << reader.status();
  EXPECT_THAT(Values(layer(torch::tensor({10.0F, 100.0F}))), ElementsAre(320.5F));
}

TEST(WeightReaderTest, ALayerOfSomebodysTensorsHasAGradientForThem) {
  const TensorMap tensors = {{"fc.weight", torch::tensor({{2.0F, 3.0F}}).requires_grad_()},
                             {"fc.bias", torch::zeros({1}).requires_grad_()}};
  WeightReader reader(tensors, "parameters");

  const Linear layer = reader.TakeLinear("fc", 2, 1);
  layer(torch::tensor({10.0F, 100.0F})).sum().backward();

  ASSERT_TRUE(reader.status().ok()) << reader.status();
  EXPECT_THAT(Values(tensors.at("fc.weight").grad()), ElementsAre(10, 100));
}

TEST(WeightReaderTest, NamesATensorOfSomebodysThatDoesNotFit) {
  const TensorMap tensors = {{"fc.weight", torch::zeros({2, 2})}};
  WeightReader reader(tensors, "parameters");
  EXPECT_FALSE(reader.Take("fc.weight", {1, 2}).defined());
  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("parameters: tensor \"fc.weight\" has shape [2, 2]"));
  WeightReader another(tensors, "parameters");
  EXPECT_FALSE(another.Take("fc.bias", {1}).defined());
  EXPECT_THAT(std::string(another.status().message()), HasSubstr("\"fc.bias\" is missing"));
}

// Of this process, in bytes.
int64_t ResidentMemory() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  file >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// malloc() would keep it, here in any case: no large piece comes from the system, and none goes back.
TEST(WeightReaderTest, TheMemoryOfALargeWeightGoesBackToTheSystemWithIt) {
  constexpr int64_t kSide = 1024;  // 4 MiB
  constexpr int kWeights = 8;
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  TensorsInMemory source;
  source.Add("weight", {kSide, kSide}, std::vector<float>(kSide * kSide, 1));
  WeightReader reader(source, torch::kCPU);
  std::vector<torch::Tensor> weights = {reader.TakeHalf("weight", {kSide, kSide})};
  const int64_t of_one = ResidentMemory();

  while (weights.size() < kWeights) weights.push_back(reader.TakeHalf("weight", {kSide, kSide}));
  EXPECT_GT(ResidentMemory() - of_one, (kWeights - 2) * kSide * kSide * 4);
  weights.resize(1);

  EXPECT_LT(ResidentMemory() - of_one, kSide * kSide * 4);
}

TEST(WeightReaderTest, NamesTheSourceAndTheTensorThatItLacks) {
  const TensorsInMemory source;
  WeightReader reader(source, torch::kCPU);

  reader.TakeLinear("fc", 2, 1);

  EXPECT_EQ(reader.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("memory: tensor \"fc.weight\" is missing"));
}

TEST(WeightReaderTest, NamesBothShapesOfATensorThatDoesNotFit) {
  TensorsInMemory source;
  source.Add("scale", {2}, {1, 2});
  WeightReader reader(source, torch::kCPU);

  reader.Take("scale", {3});

  EXPECT_THAT(std::string(reader.status().message()), HasSubstr("has shape [2]; the configuration asks for [3]"));
}

TEST(WeightReaderTest, RoundsToHalfPrecisionWhereTheReferenceDoes) {
  TensorsInMemory source;
  source.Add("proj", {1}, {1.0001F});
  WeightReader reader(source, torch::kCPU);

  EXPECT_THAT(Values(reader.TakeHalf("proj", {1})), ElementsAre(1.0F));
  EXPECT_THAT(Values(reader.Take("proj", {1})), ElementsAre(1.0001F));
}

// Halves are 2^-10 apart at 1, and 2^-24 is the least of them: 1e-9 is 0 then.
TEST(WeightReaderTest, RoundsToHalfWithoutRoundingTheGradient) {
  const torch::Tensor weight = torch::tensor({1.0F + 3e-4F, 1e-9F, -2.5F}).requires_grad_();
  const TensorMap tensors = {{"proj", weight}};
  WeightReader of_tensors(tensors, "the parameters");

  const torch::Tensor half = of_tensors.TakeHalf("proj", {3});
  const torch::Tensor gradient =
      torch::autograd::grad({(half * torch::tensor({1e-9F, 3.0F, 1e6F})).sum()}, {weight})[0];

  EXPECT_TRUE(torch::equal(half, torch::tensor({1.0F, 0.0F, -2.5F})));
  EXPECT_TRUE(torch::equal(gradient, torch::tensor({1e-9F, 3.0F, 1e6F})));
}

}  // namespace
}  // namespace bayespfl
