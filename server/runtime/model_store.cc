#include "server/runtime/model_store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/image/image.h"

namespace bayespfl::server {
namespace {

// A picture with something in every place: a gradient.
RgbImage SyntheticPicture(int side) {
  RgbImage picture{.width = side, .height = side, .pixels = {}};
  picture.pixels.reserve(picture.pixel_count() * 3);
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      picture.pixels.push_back(static_cast<uint8_t>(255 * row / side));
      picture.pixels.push_back(static_cast<uint8_t>(255 * column / side));
      picture.pixels.push_back(static_cast<uint8_t>((row + column) % 256));
    }
  }
  return picture;
}

}  // namespace

absl::Status WarmUp(Executor& executor) {
  const RgbImage picture = SyntheticPicture(std::max(1, executor.info().image_size));
  const bayespfl::Frame frame{.image = &picture, .category = "object"};
  const std::vector<absl::StatusOr<Detection>> results = executor.Execute({&frame, 1});
  if (results.size() != 1) return absl::InternalError("the model gave no result for the warm-up picture");
  return results[0].status();
}

ModelStore::ModelStore(ModelLoader loader, OnLoaded on_loaded)
    : thread_([this, loader = std::move(loader), on_loaded = std::move(on_loaded)] { Load(loader, on_loaded); }) {}

ModelStore::~ModelStore() { thread_.join(); }

void ModelStore::Load(const ModelLoader& loader, const OnLoaded& on_loaded) {
  absl::StatusOr<std::shared_ptr<Executor>> executor = loader();
  if (executor.ok()) {
    const absl::Status warm = WarmUp(**executor);
    if (!warm.ok()) executor = absl::Status(warm.code(), absl::StrCat("the warm-up failed: ", warm.message()));
  }
  {
    MutexLock lock(mu_);
    state_ = executor.status();
  }
  on_loaded(std::move(executor));
}

absl::Status ModelStore::state() const {
  MutexLock lock(mu_);
  return state_;
}

}  // namespace bayespfl::server
