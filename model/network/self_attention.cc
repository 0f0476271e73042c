#include "model/network/self_attention.h"

#include <cmath>
#include <limits>

#include "model/kernels/attention.h"
#include "model/network/operand_type.h"
#include "model/network/parallel_tasks.h"

namespace bayespfl {
namespace {

bool CanAttend(const torch::Tensor& qkv, const SelfAttentionOptions& options) {
  return options.kernel.has_value() && !options.causal && qkv.is_cpu() &&
         qkv.size(2) == 3 * options.heads * kAttentionHeadWidth && qkv.numel() > 0;
}

// `qkv` holds numbers of type Element, contiguous.
template <typename Element>
torch::Tensor OwnAttention(const torch::Tensor& qkv, int64_t heads, InstructionSet kernel) {
  AttentionShape shape = {.batch = qkv.size(0), .length = qkv.size(1), .heads = heads};
  shape.splits = SplitsFor(shape.batch * heads, shape.length);
  torch::Tensor out = torch::empty({shape.batch, shape.length, heads * kAttentionHeadWidth}, qkv.options());
  const auto* const from = static_cast<const Element*>(qkv.const_data_ptr());
  auto* const to = static_cast<Element*>(out.mutable_data_ptr());
  ShareTasks(shape.tasks(), [&](TaskQueue& tasks) { Attend(kernel, shape, from, to, tasks); });
  return out;
}

torch::Tensor OwnAttention(const torch::Tensor& qkv, const SelfAttentionOptions& options) {
  if (options.precision == Precision::kFp32) {
    return OwnAttention<float>(qkv.contiguous(), options.heads, *options.kernel);
  }
  static_assert(sizeof(Bf16) == sizeof(at::BFloat16));
  return OwnAttention<Bf16>(qkv.to(torch::kBFloat16).contiguous(), options.heads, *options.kernel);
}

// What LibTorch's attention gets of qkv.
torch::Tensor Operand(const torch::Tensor& qkv, const SelfAttentionOptions& options) {
  if (options.precision == Precision::kFp32) return qkv;
  const torch::Tensor rounded = qkv.to(OperandType(options.precision));
  return options.narrow ? rounded : rounded.to(torch::kFloat32);
}

// queries, keys, values: [N, heads, L, width / heads].
torch::Tensor AttendByProducts(const torch::Tensor& queries, const torch::Tensor& keys, const torch::Tensor& values,
                               bool causal) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(queries.size(3)));
  torch::Tensor scores = torch::matmul(queries * scale, keys.transpose(2, 3));
  if (causal) {
    const int64_t length = queries.size(2);
    const double kMasked = -std::numeric_limits<double>::infinity();
    scores = scores + torch::full({length, length}, kMasked, scores.options()).triu(1);
  }
  return torch::matmul(torch::softmax(scores, -1), values);
}

}  // namespace

torch::Tensor SelfAttention(const torch::Tensor& projected, const SelfAttentionOptions& options) {
  if (CanAttend(projected, options)) return OwnAttention(projected, options);
  const torch::Tensor qkv = Operand(projected, options);
  const int64_t batch = qkv.size(0);
  const int64_t length = qkv.size(1);
  const int64_t width = qkv.size(2) / 3;
  // [N, L, 3 width] -> three of [N, heads, L, width / heads]
  const torch::Tensor parts =
      qkv.view({batch, length, 3, options.heads, width / options.heads}).permute({2, 0, 3, 1, 4});
  const torch::Tensor mixed = qkv.requires_grad()
                                  ? AttendByProducts(parts[0], parts[1], parts[2], options.causal)
                                  : at::scaled_dot_product_attention(parts[0], parts[1], parts[2], /*attn_mask=*/{},
                                                                     /*dropout_p=*/0.0, options.causal);
  return mixed.transpose(1, 2).reshape({batch, length, width});
}

}  // namespace bayespfl
