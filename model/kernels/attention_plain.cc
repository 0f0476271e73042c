// As the formula reads, a query at a time.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "model/kernels/attention_forms.h"
#include "model/kernels/attention_task.h"

namespace bayespfl {
namespace {

void AttendOne(const AttentionTask& task, int64_t query, std::vector<float>& weights) {
  const float* const q = task.queries + query * task.qkv_stride;
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t key = 0; key < task.length; ++key) {
    const float* const k = task.keys + key * task.qkv_stride;
    float score = 0;
    for (int64_t d = 0; d < kAttentionHeadWidth; ++d) score += q[d] * k[d];
    score /= 8;  // sqrt(64)
    weights[static_cast<size_t>(key)] = score;
    largest = std::max(largest, score);
  }
  float sum = 0;
  for (float& weight : weights) {
    weight = std::exp(weight - largest);
    sum += weight;
  }
  std::array<float, kAttentionHeadWidth> mixed = {};
  for (int64_t key = 0; key < task.length; ++key) {
    const float* const v = task.values + key * task.qkv_stride;
    const float weight = weights[static_cast<size_t>(key)];
    for (size_t d = 0; d < mixed.size(); ++d) mixed[d] += weight * v[d];
  }
  for (size_t d = 0; d < mixed.size(); ++d)
    task.out[query * task.out_stride + static_cast<int64_t>(d)] = mixed[d] / sum;
}

}  // namespace

void AttendPlain(const AttentionShape& shape, const float* qkv, float* out, int64_t begin, int64_t end) {
  std::vector<float> weights(static_cast<size_t>(shape.length));
  for (int64_t index = begin; index < end; ++index) {
    const AttentionTask task = TaskOf(shape, qkv, out, index);
    for (int64_t query = task.first_query; query < task.last_query; ++query) AttendOne(task, query, weights);
  }
}

}  // namespace bayespfl
