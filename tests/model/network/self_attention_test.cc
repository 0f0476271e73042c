// On the CPU alone: what is tried are the forms that only it has, and LibTorch's in 16 bits, which is an accelerator's.

#include "model/network/self_attention.h"

#include <ATen/record_function.h>

#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "model/network/operand_type.h"

namespace bayespfl {
namespace {

struct Form {
  std::optional<InstructionSet> kernel;
  Precision precision = Precision::kFp32;
  bool narrow = false;
};

std::string NameOf(const Form& form) {
  return absl::StrCat(form.kernel.has_value() ? InstructionSetName(*form.kernel) : "torch", "_",
                      PrecisionName(form.precision), form.narrow ? "_narrow" : "");
}

void PrintTo(const Form& form, std::ostream* out) { *out << NameOf(form); }

std::vector<Form> FormsHere() {
  std::vector<Form> forms = {{std::nullopt, Precision::kFp32}};
  for (const Precision precision : {Precision::kBf16, Precision::kFp16}) {
    forms.push_back({std::nullopt, precision});
    forms.push_back({std::nullopt, precision, /*narrow=*/true});
  }
  for (const InstructionSet own : Bf16InstructionSets()) {
    forms.push_back({own, Precision::kFp32});
    forms.push_back({own, Precision::kBf16});
  }
  return forms;
}

// The formula in double precision of rounded queries, keys and values.
torch::Tensor Expected(const torch::Tensor& qkv, const SelfAttentionOptions& options) {
  const int64_t width = qkv.size(2) / 3;
  const int64_t head_width = width / options.heads;
  const torch::Tensor exact = qkv.to(OperandType(options.precision)).to(torch::kFloat64);
  const torch::Tensor parts =
      exact.view({qkv.size(0), qkv.size(1), 3, options.heads, head_width}).permute({2, 0, 3, 1, 4});
  torch::Tensor scores = torch::matmul(parts[0], parts[1].transpose(2, 3)) / std::sqrt(static_cast<double>(head_width));
  if (options.causal) {
    const torch::Tensor later = torch::ones_like(scores, torch::kBool).triu(1);
    scores = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
  }
  return torch::matmul(torch::softmax(scores, 3), parts[2]).transpose(1, 2).reshape({qkv.size(0), qkv.size(1), width});
}

// How far a number may be off, of its size: the softmax's weights and the result are rounded too where the result has
// 16 bits.
double ToleranceOf(const torch::Tensor& result) {
  if (result.scalar_type() == torch::kBFloat16) return 1.0 / 128;
  return result.scalar_type() == torch::kFloat16 ? 1.0 / 1024 : 5e-6;
}

class SelfAttentionTest : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override { torch::manual_seed(7); }

  static void Try(const torch::Tensor& qkv, int64_t heads, bool causal) {
    const SelfAttentionOptions options = {.heads = heads,
                                          .causal = causal,
                                          .kernel = GetParam().kernel,
                                          .precision = GetParam().precision,
                                          .narrow = GetParam().narrow};
    const torch::Tensor result = SelfAttention(qkv, options);
    const torch::Tensor expected = Expected(qkv, options);
    ASSERT_EQ(result.sizes(), expected.sizes());
    if (options.narrow) {
      EXPECT_EQ(result.scalar_type(), OperandType(options.precision));
    }
    const torch::Tensor errors = (result.to(torch::kFloat64) - expected).abs() / expected.abs().clamp_min(1);
    EXPECT_LE(errors.max().item<double>(), ToleranceOf(result))
        << "length " << qkv.size(1) << ", " << heads << " heads, causal " << causal;
  }
};

TEST_P(SelfAttentionTest, IsTheFormulaOfWhatItsPrecisionLeavesOfItsInput) {
  const c10::InferenceMode inference;
  for (const int64_t length : {1, 7, 65, 200}) {
    Try(torch::randn({2, length, int64_t{3} * 128}), 2, /*causal=*/false);
    Try(torch::randn({2, length, int64_t{3} * 128}), 2, /*causal=*/true);
    Try(torch::randn({1, length, int64_t{3} * 96}), 3, /*causal=*/false);  // heads of 32: no kernel of our own
  }
}

TEST_P(SelfAttentionTest, TakesWhatIsAlreadyRoundedAndWhatIsNotContiguous) {
  const c10::InferenceMode inference;
  Try(torch::randn({3, 20, int64_t{3} * 64}).to(torch::kBFloat16).to(torch::kFloat32), 1, /*causal=*/false);
  Try(torch::randn({20, 3, int64_t{3} * 64}).transpose(0, 1), 1, /*causal=*/false);
  if (GetParam().precision == Precision::kFp32) return;
  const torch::ScalarType type = OperandType(GetParam().precision);
  Try(torch::randn({3, 20, int64_t{3} * 64}).to(type), 1, /*causal=*/false);
  Try(torch::randn({3, 20, int64_t{3} * 64}).to(type), 1, /*causal=*/true);
}

TEST_P(SelfAttentionTest, ASequenceDoesNotDependOnItsNeighbours) {
  const c10::InferenceMode inference;
  const SelfAttentionOptions options = {
      .heads = 2, .kernel = GetParam().kernel, .precision = GetParam().precision, .narrow = GetParam().narrow};
  torch::Tensor qkv = torch::randn({3, 50, int64_t{3} * 128});
  const torch::Tensor before = SelfAttention(qkv, options)[0].to(torch::kFloat32);
  qkv.slice(0, 1).mul_(100);
  const torch::Tensor after = SelfAttention(qkv, options)[0].to(torch::kFloat32);
  EXPECT_LE((after - before).abs().max().item<float>(), 1e-6F);
}

std::vector<torch::ScalarType> operands;  // of LibTorch's attention in this thread

std::unique_ptr<at::ObserverContext> NoteOperands(const at::RecordFunction& call) {
  if (std::string(call.name()) != "aten::scaled_dot_product_attention") return nullptr;
  for (size_t i = 0; i < 3; ++i) operands.push_back(call.inputs()[i].toTensor().scalar_type());
  return nullptr;
}

TEST(NarrowAttentionTest, LibTorchGetsNumbersOfSixteenBits) {
  const c10::InferenceMode inference;
  for (const Precision precision : {Precision::kBf16, Precision::kFp16}) {
    operands.clear();
    const at::CallbackHandle handle =
        at::addThreadLocalCallback(at::RecordFunctionCallback(NoteOperands).needsInputs(true));
    SelfAttention(torch::randn({2, 9, int64_t{3} * 64}), {.precision = precision, .narrow = true});
    at::removeCallback(handle);
    EXPECT_EQ(operands, std::vector<torch::ScalarType>(3, OperandType(precision)));
  }
}

INSTANTIATE_TEST_SUITE_P(OfThisProcessor, SelfAttentionTest, ::testing::ValuesIn(FormsHere()),
                         [](const auto& form) { return NameOf(form.param); });

// What is differentiated is another form of the same: LibTorch's own gradient is the judge. In double precision, in
// which two orders of summation differ by next to nothing.
TEST(SelfAttentionGradientTest, IsThatOfTheFusedOperator) {
  for (const bool causal : {false, true}) {
    const torch::Tensor start =
        torch::randn({2, 5, int64_t{3} * 8}, at::make_generator<at::CPUGeneratorImpl>(3), torch::kFloat64);
    const torch::Tensor qkv = start.clone().requires_grad_();
    const torch::Tensor reference = start.clone().requires_grad_();
    const torch::Tensor mixed = SelfAttention(qkv, {.heads = 2, .causal = causal});
    const torch::Tensor parts = reference.view({2, 5, 3, 2, 4}).permute({2, 0, 3, 1, 4});
    const torch::Tensor expected = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], {}, 0.0, causal)
                                       .transpose(1, 2)
                                       .reshape({2, 5, 8});
    EXPECT_TRUE(torch::allclose(mixed, expected, 1e-10, 1e-12));
    mixed.square().sum().backward();
    expected.square().sum().backward();
    EXPECT_TRUE(torch::allclose(qkv.grad(), reference.grad(), 1e-10, 1e-12));
  }
}

}  // namespace
}  // namespace bayespfl
