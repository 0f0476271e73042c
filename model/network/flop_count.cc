#include "model/network/flop_count.h"

namespace bayespfl {
namespace {

// [rows, in] times [in, out]
int64_t Product(int64_t rows, int64_t in, int64_t out) { return 2 * rows * in * out; }

// What a residual block does to its rows after the attention: out_proj and the MLP.
int64_t AfterAttention(int64_t rows, int64_t width) {
  return Product(rows, width, width) + Product(rows, width, 4 * width) + Product(rows, 4 * width, width);
}

int64_t BlockLinears(int64_t rows, int64_t width) {
  return Product(rows, width, 3 * width) + AfterAttention(rows, width);
}

// All heads together: their widths add up to `width`.
int64_t Attention(int64_t sequences, int64_t length, int64_t width) {
  return 2 * sequences * Product(length, width, length);
}

int64_t ImageEmbedding(const ModelConfig& config, int64_t frames, int64_t patches) {
  if (config.stage == 1) return 0;
  const auto taps = static_cast<int64_t>(config.tapped_layers.size());
  return Product(frames * patches, taps * config.vision.width, config.encoder_width) +
         Product(frames * patches, config.encoder_width, 1) + Product(frames, config.encoder_width, config.text.width) +
         Product(frames, config.text.width, config.text.width);
}

FlopCount::Vision CountVision(const ModelConfig& config, int64_t frames) {
  const int64_t patches = config.grid() * config.grid();
  const int64_t width = config.vision.width;
  const auto taps = static_cast<int64_t>(config.tapped_layers.size());
  return {.embedding = Product(frames * patches, 3 * config.patch_size * config.patch_size, width),
          .linear = config.vision.layers * BlockLinears(frames * (1 + patches), width),
          .attention = config.vision.layers * Attention(frames, 1 + patches, width),
          .heads = Product(frames, width, config.embed_dim) +
                   taps * Product(frames * patches, width, config.text.width) +
                   ImageEmbedding(config, frames, patches)};
}

// The text tower's linear maps for sequences that share rows: in the last block only what is read goes on.
int64_t SharedLinears(const ModelConfig& config, int64_t rows, int64_t sequences) {
  const int64_t width = config.text.width;
  return (config.text.layers - 1) * BlockLinears(rows, width) + Product(rows, width, 3 * width) +
         AfterAttention(sequences, width);
}

FlopCount::Prompts CountPrompts(const ModelConfig& config, const FlopBatch& batch) {
  const int64_t width = config.embed_dim;
  const int64_t hidden = config.encoder_width;
  const int64_t steps = config.flow_steps;
  const int64_t pairs = batch.samples * config.prompts;  // M
  const int64_t sequences = 2 * pairs * batch.frames;
  // "X" gives way to the learned rows.
  const int64_t tail = batch.tokens - 2;
  const int64_t length = 1 + config.context_rows + config.state_rows + tail;
  const int64_t shared_rows = batch.frames * (1 + pairs * config.context_rows + 2 * pairs * (config.state_rows + tail));

  FlopCount::Prompts count;
  const int64_t encoder = Product(batch.frames, width, hidden) + Product(batch.frames, hidden, hidden) +
                          Product(batch.frames, hidden, width);
  count.distributions =
      2 * encoder + 2 * Product(batch.frames, width, steps * width) + Product(batch.frames, width, steps);
  // Of each step w . z and z + u t, for three distributions.
  count.flows = 3 * batch.frames * steps * 2 * Product(batch.samples, width, 1);
  count.linear = batch.prompts == PromptForm::kShared
                     ? SharedLinears(config, shared_rows, sequences)
                     : config.text.layers * BlockLinears(sequences * length, config.text.width);
  count.attention = config.text.layers * Attention(sequences, length, config.text.width);
  count.projection = Product(sequences, config.text.width, config.embed_dim);
  return count;
}

FlopCount::Detect CountDetect(const ModelConfig& config, const FlopBatch& batch) {
  const int64_t patches = config.grid() * config.grid();
  const int64_t width = config.text.width;
  const int64_t texts = 2 * batch.samples * config.prompts * batch.frames;
  const auto taps = static_cast<int64_t>(config.tapped_layers.size());
  return {.scores = Product(texts, width, width) + Product(texts, width, 1),
          .refinement = Product(texts, width, width) + taps * 2 * Product(texts, width, patches),
          .logits = taps * Product(texts / 2, width, patches)};
}

}  // namespace

FlopCount CountFlop(const ModelConfig& config, const FlopBatch& batch) {
  return {.vision = CountVision(config, batch.frames),
          .prompts = CountPrompts(config, batch),
          .detect = CountDetect(config, batch)};
}

}  // namespace bayespfl
