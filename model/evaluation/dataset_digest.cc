#include "model/evaluation/dataset_digest.h"

#include "absl/strings/string_view.h"

namespace bayespfl {
namespace {

void AddText(absl::string_view name, absl::string_view text, Sha256& digest) {
  digest.AddFile(std::string(name), text.data(), text.size());
}

}  // namespace

void AddToDigest(const DatasetItem& item, Sha256& digest) {
  AddText("image", item.image, digest);
  for (const std::string& mask : item.masks) AddText("mask", mask, digest);
  AddText("category", item.category, digest);
  AddText("label", item.anomalous ? "1" : "0", digest);
}

std::string ListingDigest(const Dataset& dataset) {
  Sha256 digest;
  for (const DatasetItem& item : dataset.items) AddToDigest(item, digest);
  return digest.HexDigest();
}

}  // namespace bayespfl
