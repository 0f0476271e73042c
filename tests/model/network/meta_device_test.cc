// The forward pass on LibTorch's device "meta", which has shapes and no numbers: a tensor that does not follow the
// weights to their device is found without a GPU.
//
// The meta device itself takes most mixtures of devices; so every call is watched for what a GPU refuses, and copies to
// the device are counted: a tensor that is computed on the CPU and then brought there would be slow and not wrong. What
// comes back to the CPU cannot be had here: the detector is followed to where it asks for its results, all at once.
// Kernels of our own are the CPU's, and so left out. What a batch costs on its way back, and its numbers, are seen on
// another imitation of a GPU (detection/accelerator_test.cc).

#include <ATen/record_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/bayespfl_detector.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/network/operand_type.h"
#include "model/package/model_package.h"
#include "tests/support/demo_model.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// --- shapes ---

// Of these operators LibTorch knows the shapes on the meta device in Python alone. Attention is one of them as a whole,
// so that what its parts are does not matter here.

torch::Tensor IndexSelect(const torch::Tensor& self, int64_t dim, const torch::Tensor& index) {
  std::vector<int64_t> shape = self.sizes().vec();
  shape[static_cast<size_t>(at::maybe_wrap_dim(dim, self.dim()))] = index.numel();
  return self.new_empty(shape);
}

std::tuple<torch::Tensor, torch::Tensor, torch::Tensor> LayerNormOf(const torch::Tensor& self, at::IntArrayRef axes,
                                                                    const std::optional<torch::Tensor>& /*weight*/,
                                                                    const std::optional<torch::Tensor>& /*bias*/,
                                                                    double /*eps*/) {
  std::vector<int64_t> rows = self.sizes().vec();
  std::fill(rows.end() - static_cast<int64_t>(axes.size()), rows.end(), 1);
  return {torch::empty_like(self), self.new_empty(rows), self.new_empty(rows)};
}

// Without axes it is over all of them.
torch::Tensor Deviation(const torch::Tensor& self, at::OptionalIntArrayRef axes,
                        const std::optional<at::Scalar>& /*correction*/, bool keep_axes) {
  return axes.has_value() && !axes->empty() ? self.mean(*axes, keep_axes) : self.mean();
}

torch::Tensor Attention(const torch::Tensor& queries, const torch::Tensor& /*keys*/, const torch::Tensor& /*values*/,
                        const std::optional<torch::Tensor>& /*mask*/, double /*dropout*/, bool /*causal*/,
                        std::optional<double> /*scale*/, bool /*grouped*/) {
  return torch::empty_like(queries);
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("index_select", IndexSelect);
  library.impl("native_layer_norm", LayerNormOf);
  library.impl("std.correction", Deviation);
  library.impl("scaled_dot_product_attention", Attention);
}

// --- who mixes devices ---

constexpr char kLinear[] = "aten::linear";
constexpr char kAttention[] = "aten::scaled_dot_product_attention";

std::vector<std::string> mixtures;
int uploads = 0;
int fetched_numbers = 0;  // one by one
// Of the operators of 16 bits, linear maps and attention.
std::map<std::pair<std::string, torch::ScalarType>, int64_t> narrow_products;

std::vector<torch::Tensor> TensorsOf(const c10::IValue& value) {
  if (value.isTensor()) return {value.toTensor()};
  if (value.isTensorList()) return value.toTensorVector();
  std::vector<torch::Tensor> tensors;
  if (value.isOptionalTensorList()) {
    for (const std::optional<torch::Tensor>& tensor : value.toOptionalTensorVector()) {
      if (tensor.has_value()) tensors.push_back(*tensor);
    }
  }
  return tensors;
}

// A number without dimensions may lie on the CPU: it goes along as the kernel's argument. A copy is what crosses over.
std::unique_ptr<at::ObserverContext> NoteMixture(const at::RecordFunction& call) {
  const absl::string_view name = call.name();
  if (name == "aten::_local_scalar_dense") ++fetched_numbers;
  if (name == "aten::copy_") {
    const bool to_meta = call.inputs()[0].toTensor().is_meta();
    if (to_meta && !call.inputs()[1].toTensor().is_meta()) ++uploads;
    return nullptr;
  }
  bool on_meta = false;
  bool elsewhere = false;
  for (const c10::IValue& input : call.inputs()) {
    for (const torch::Tensor& tensor : TensorsOf(input)) {
      if (!tensor.defined()) continue;
      on_meta = on_meta || tensor.is_meta();
      elsewhere = elsewhere || (!tensor.is_meta() && tensor.dim() > 0);
    }
  }
  if (on_meta && elsewhere) mixtures.emplace_back(call.name());
  if (name == kLinear || name == kAttention) {
    const torch::ScalarType type = call.inputs()[0].toTensor().scalar_type();
    if (type != torch::kFloat32) ++narrow_products[{std::string(name), type}];
  }
  return nullptr;
}

// What this thread calls while the object lives.
class MixtureWatch {
 public:
  MixtureWatch() : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(NoteMixture).needsInputs(true))) {
    mixtures.clear();
    uploads = 0;
    fetched_numbers = 0;
    narrow_products.clear();
  }
  MixtureWatch(const MixtureWatch&) = delete;
  MixtureWatch& operator=(const MixtureWatch&) = delete;
  ~MixtureWatch() { at::removeCallback(handle_); }

 private:
  at::CallbackHandle handle_;
};

TEST(MixtureWatchTest, SeesAProductThatTheMetaDeviceTakes) {
  const MixtureWatch watch;
  torch::mm(torch::ones({2, 3}, torch::kMeta), torch::ones({3, 4}));
  EXPECT_THAT(mixtures, ::testing::Contains("aten::mm"));
}

TEST(MixtureWatchTest, LetsNumbersAndUploadsPass) {
  const MixtureWatch watch;
  torch::ones({2, 3}, torch::kMeta) * torch::tensor(2.0F) + torch::ones({2, 3}).to(torch::kMeta);
  EXPECT_THAT(mixtures, IsEmpty());
  EXPECT_EQ(uploads, 1);
}

// --- the network ---

struct Form {
  int stage = 1;
  PromptForm prompts = PromptForm::kShared;
  Precision precision = Precision::kFp32;
};

class MetaDeviceTest : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    auto package = ModelPackage::Open(testing::kDemoModel);
    ASSERT_TRUE(package.ok()) << package.status();
    package_ = *std::move(package);
    package_.config.stage = GetParam().stage;
  }

  // Start of text, "X", `words` tokens and end of text.
  PromptInput Input(int words, int64_t samples) const {
    PromptInput input;
    input.token_ids.assign(static_cast<size_t>(words) + 3, 1);
    input.noise = DrawPromptNoise({}, samples, package_.config.embed_dim, torch::kMeta);
    return input;
  }

  static void Expect(const torch::Tensor& tensor, std::vector<int64_t> shape) {
    EXPECT_TRUE(tensor.is_meta());
    EXPECT_EQ(tensor.scalar_type(), torch::kFloat32);
    EXPECT_EQ(tensor.sizes(), shape);
  }

  ModelPackage package_;
};

TEST_P(MetaDeviceTest, EverythingFollowsTheWeights) {
  const c10::InferenceMode inference;
  const MixtureWatch watch;
  const ModelConfig& config = package_.config;
  const int64_t side = config.image_size;
  const std::vector<int64_t> samples = {2, 3};

  const auto loaded = BayesPflModel::Load(config, *package_.clip, *package_.bayespfl, torch::kMeta,
                                          AcceleratorKernels(GetParam().precision), GetParam().precision);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const BayesPflModel& model = **loaded;
  const VisionFeatures features = model.EncodeImages(torch::zeros({2, 3, side, side}, torch::kMeta));
  const torch::Tensor embeddings = model.image_head().ImageEmbedding(features);
  const std::vector<torch::Tensor> texts =
      model.EncodePrompts(features.image, {Input(2, samples[0]), Input(5, samples[1])}, GetParam().prompts);
  for (int64_t i = 0; i < 2; ++i) {
    const auto picture = static_cast<size_t>(i);
    std::vector<torch::Tensor> patches;
    for (size_t layer = 0; layer < features.patch_tokens.size(); ++layer) {
      patches.push_back(model.rca().ProjectPatches(layer, features.patch_tokens[layer])[i]);
    }
    const AnomalyMaps maps = model.MapAnomalies(texts[picture], patches, samples[picture], /*want_deviation=*/true);
    Expect(texts[picture], {2 * samples[picture] * config.prompts, config.embed_dim});
    Expect(model.ScoreTensor(texts[picture], embeddings[i], samples[picture]), {2});
    Expect(maps.mean, {side, side});
    Expect(maps.deviation, {side, side});
  }
  EXPECT_THAT(mixtures, IsEmpty());
  if (GetParam().precision == Precision::kFp32) {
    EXPECT_THAT(narrow_products, IsEmpty());
    return;
  }
  // Every block's four maps and its attention, and nothing else.
  const int64_t blocks = config.vision.layers + config.text.layers;
  const torch::ScalarType type = OperandType(GetParam().precision);
  EXPECT_THAT(narrow_products,
              UnorderedElementsAre(Pair(Pair(kLinear, type), 4 * blocks), Pair(Pair(kAttention, type), blocks)));
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryForm, MetaDeviceTest,
    ::testing::Values(Form{1, PromptForm::kShared}, Form{1, PromptForm::kWhole}, Form{2, PromptForm::kShared},
                      Form{2, PromptForm::kWhole}, Form{2, PromptForm::kShared, Precision::kBf16},
                      Form{2, PromptForm::kWhole, Precision::kBf16}, Form{1, PromptForm::kShared, Precision::kFp16}),
    [](const auto& form) {
      return absl::StrCat("Stage", form.param.stage, form.param.prompts == PromptForm::kShared ? "Shared" : "Whole",
                          "_", PrecisionName(form.param.precision));
    });

// --- the detector ---

class MetaDeviceDetectorTest : public ::testing::TestWithParam<Precision> {};

TEST_P(MetaDeviceDetectorTest, GetsWithOneCopyAsFarAsTheResults) {
  const auto package = ModelPackage::Open(testing::kDemoModel, {.ignore_calibration = true, .precision = GetParam()});
  ASSERT_TRUE(package.ok()) << package.status();
  const auto detector = BayesPflDetector::Load(*package, torch::kMeta, {});
  ASSERT_TRUE(detector.ok()) << detector.status();
  const RgbImage picture{8, 8, std::vector<uint8_t>(3 * 8 * 8)};
  const auto prepared = (*detector)->Prepare({.image = &picture, .object = "metal nut", .samples = 2});
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  const std::vector<const PreparedFrame*> batch = {prepared->get(), prepared->get()};

  const MixtureWatch watch;
  const auto computed = (*detector)->Compute(batch);

  EXPECT_THAT(mixtures, IsEmpty());
  EXPECT_EQ(uploads, 1);
  EXPECT_EQ(fetched_numbers, 0);
  EXPECT_EQ(narrow_products.empty(), GetParam() == Precision::kFp32) << "what its device multiplies fast";
  for (const absl::StatusOr<ComputedFrame>& frame : computed) {
    EXPECT_EQ(frame.status().code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(frame.status().message()), HasSubstr("Cannot copy out of meta tensor"));
  }
}

INSTANTIATE_TEST_SUITE_P(OfEveryPrecision, MetaDeviceDetectorTest,
                         ::testing::Values(Precision::kFp32, Precision::kBf16, Precision::kFp16),
                         [](const auto& precision) { return std::string(PrecisionName(precision.param)); });

}  // namespace
}  // namespace bayespfl
