#include "model/tower_training/caption_loss.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/network/unit_length.h"

namespace bayespfl {
namespace {

constexpr double kTemperature = 0.07;

}  // namespace

absl::StatusOr<Captions> CaptionsOf(const std::vector<std::string>& objects, const std::vector<bool>& anomalous,
                                    const ObjectReader& reader) {
  Captions captions;
  std::map<std::string, int64_t> numbers;
  for (size_t i = 0; i < objects.size(); ++i) {
    const std::string text = absl::StrCat(anomalous[i] ? "damaged " : "flawless ", objects[i]);
    const auto [known, fresh] = numbers.try_emplace(text, static_cast<int64_t>(captions.token_ids.size()));
    if (fresh) {
      absl::StatusOr<std::vector<int32_t>> ids = reader.Read(text);
      if (!ids.ok()) return ids.status();
      captions.token_ids.push_back(*std::move(ids));
    }
    captions.of_picture.push_back(known->second);
  }
  return captions;
}

torch::Tensor EncodeCaptions(const TextTransformer& text, const Captions& captions, torch::Device device) {
  size_t length = 0;
  for (const std::vector<int32_t>& ids : captions.token_ids) length = std::max(length, ids.size());
  // What follows a caption's end changes nothing, whatever it is.
  std::vector<int64_t> padded;
  std::vector<int64_t> ends;
  for (const std::vector<int32_t>& ids : captions.token_ids) {
    ends.push_back(static_cast<int64_t>(padded.size() + ids.size()) - 1);
    padded.insert(padded.end(), ids.begin(), ids.end());
    padded.resize(padded.size() + length - ids.size(), ids.back());
  }
  const auto rows = static_cast<int64_t>(length);
  const torch::Tensor tokens = text.EmbedTokens(torch::tensor(padded, torch::kInt64).to(device));
  const torch::Tensor x = tokens.view({-1, rows, tokens.size(1)}) + text.Positions(rows);
  return UnitLength(text.Encode(x, torch::tensor(ends, torch::kInt64).to(device)));
}

torch::Tensor CaptionLoss(const torch::Tensor& image, const torch::Tensor& captions,
                          const std::vector<int64_t>& of_picture) {
  const torch::Tensor logits = torch::matmul(UnitLength(image), captions.t()) / kTemperature;
  return torch::cross_entropy_loss(logits, torch::tensor(of_picture, torch::kInt64).to(image.device()));
}

}  // namespace bayespfl
