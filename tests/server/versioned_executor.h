// A model that says which version it is.
#ifndef BAYESPFL_TESTS_SERVER_VERSIONED_EXECUTOR_H_
#define BAYESPFL_TESTS_SERVER_VERSIONED_EXECUTOR_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/pipeline/executor.h"
#include "tests/server/fake_executor.h"

namespace bayespfl::server {

// The stand-in model in a version of its own. Thread-safe.
class VersionedExecutor final : public Executor {
 public:
  explicit VersionedExecutor(std::string version) : info_(fake_.info()) { info_.version = std::move(version); }

  std::vector<absl::StatusOr<Detection>> Execute(absl::Span<const bayespfl::Frame> frames) override {
    return fake_.Execute(frames);
  }
  absl::Status Rebuild() override { return fake_.Rebuild(); }
  absl::Status Validate(absl::string_view category, int samples) const override {
    if (on_validate) on_validate();
    return fake_.Validate(category, samples);
  }
  const ModelInfo& info() const override { return info_; }

  // How many frames it was given so far.
  size_t frames() const {
    size_t count = 0;
    for (const auto& batch : fake_.batches()) count += batch.size();
    return count;
  }

  // Called for every frame, before it is accepted; may be empty. Set before the first one.
  std::function<void()> on_validate;

 private:
  FakeExecutor fake_;
  ModelInfo info_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_VERSIONED_EXECUTOR_H_
