// As the formula reads, a query at a time.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <vector>

#include "model/kernels/attention_forms.h"
#include "model/kernels/attention_task.h"

namespace bayespfl {
namespace {

float FloatOf(float x) { return x; }

// Rounds to a task's elements.
template <typename Element>
Element ElementOf(float x) {
  if constexpr (std::is_same_v<Element, Bf16>) {
    return Bf16Of(x);
  } else {
    return x;
  }
}

// Scores of one query, and the largest of them.
template <typename Element>
float ScoreKeys(const AttentionTask<Element>& task, int64_t query, std::vector<float>& scores) {
  const Element* const q = task.queries + query * task.qkv_stride;
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t key = 0; key < task.length; ++key) {
    const Element* const k = task.keys + key * task.qkv_stride;
    float score = 0;
    for (int64_t d = 0; d < kAttentionHeadWidth; ++d) score += FloatOf(q[d]) * FloatOf(k[d]);
    score /= 8;  // sqrt(64)
    scores[static_cast<size_t>(key)] = score;
    largest = std::max(largest, score);
  }
  return largest;
}

template <typename Element>
void AttendOne(const AttentionTask<Element>& task, int64_t query, std::vector<float>& weights) {
  const float largest = ScoreKeys(task, query, weights);
  float sum = 0;
  std::array<float, kAttentionHeadWidth> mixed = {};
  for (int64_t key = 0; key < task.length; ++key) {
    const Element* const v = task.values + key * task.qkv_stride;
    const float weight = std::exp(weights[static_cast<size_t>(key)] - largest);
    const float factor = FloatOf(ElementOf<Element>(weight));
    sum += weight;
    for (size_t d = 0; d < mixed.size(); ++d) mixed[d] += factor * FloatOf(v[d]);
  }
  Element* const out = task.out + query * task.out_stride;
  for (size_t d = 0; d < mixed.size(); ++d) out[d] = ElementOf<Element>(mixed[d] / sum);
}

template <typename Element>
void AttendTasks(const AttentionShape& shape, const Element* qkv, Element* out, TaskQueue& tasks) {
  std::vector<float> weights(static_cast<size_t>(shape.length));
  for (int64_t index = tasks.Take(); index >= 0; index = tasks.Take()) {
    const AttentionTask<Element> task = TaskOf(shape, qkv, out, index);
    for (int64_t query = task.first_query; query < task.last_query; ++query) AttendOne(task, query, weights);
  }
}

}  // namespace

void AttendPlain(const AttentionShape& shape, const float* qkv, float* out, TaskQueue& tasks) {
  AttendTasks(shape, qkv, out, tasks);
}

void AttendPlain(const AttentionShape& shape, const Bf16* qkv, Bf16* out, TaskQueue& tasks) {
  AttendTasks(shape, qkv, out, tasks);
}

}  // namespace bayespfl
