#include "model/tower_training/teacher.h"

#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "base/sha256.h"
#include "torch/script.h"

namespace bayespfl {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;

class ScriptedTeacher final : public Teacher {
 public:
  ScriptedTeacher(torch::jit::Module module, std::string digest)
      : module_(std::move(module)), digest_(std::move(digest)) {}

  torch::Tensor Features(const torch::Tensor& images) const override {
    const torch::NoGradGuard no_grad;
    // The interpreter may run a graph another way once it has seen it run: bits would hang on where a run began.
    const torch::jit::GraphOptimizerEnabledGuard as_it_is(false);
    torch::Tensor features = module_.forward({images}).toTensor().to(torch::kFloat32);
    TORCH_CHECK(features.dim() == 4 && features.size(0) == images.size(0) && features.numel() > 0, "the teacher gives ",
                features.sizes(), " for ", images.size(0), " pictures, not maps [N, C, h, w]");
    return features;
  }
  int64_t channels() const override { return channels_; }
  const std::string& digest() const override { return digest_; }

  // With two pictures: a traced module may have been frozen to one. Throws c10::Error when the program fails.
  absl::Status Try(int64_t image_size, torch::Device device) {
    const torch::Tensor features = Features(torch::zeros({2, 3, image_size, image_size}, device));
    if (!features.isfinite().all().item<bool>()) {
      return absl::InvalidArgumentError("gives values of a black picture that are no numbers");
    }
    channels_ = features.size(1);
    return absl::OkStatus();
  }

 private:
  mutable torch::jit::Module module_;  // forward() is not const, and changes nothing in evaluation
  const std::string digest_;
  int64_t channels_ = 0;
};

// What an exception says in one line. LibTorch's own put it first; those of a TorchScript program put the program's
// stack first and the error last.
absl::string_view Cause(absl::string_view text) {
  constexpr absl::string_view kStack = "The following operation failed in the TorchScript interpreter";
  text = absl::StripTrailingAsciiWhitespace(text);
  return absl::StartsWith(text, kStack) ? text.substr(text.rfind('\n') + 1) : text.substr(0, text.find('\n'));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Teacher>> Teacher::Load(const std::string& file, int64_t image_size,
                                                             torch::Device device) {
  absl::StatusOr<std::string> bytes = ReadFile(file, kMostBytes);
  if (!bytes.ok()) return bytes.status();
  absl::Status tried;
  std::unique_ptr<ScriptedTeacher> teacher;
  try {
    std::istringstream stream(*bytes);
    torch::jit::Module module = torch::jit::load(stream, device);
    module.eval();
    teacher = std::make_unique<ScriptedTeacher>(std::move(module), Sha256Hex(*bytes));
    tried = teacher->Try(image_size, device);
  } catch (const std::exception& error) {  // c10::Error, and what TorchScript raises in the module's name
    tried = absl::InvalidArgumentError(
        absl::StrCat(teacher == nullptr ? "is no TorchScript module: " : "fails: ", Cause(error.what())));
  }
  if (!tried.ok()) return absl::Status(tried.code(), absl::StrCat(file, " ", tried.message()));
  return teacher;
}

}  // namespace bayespfl
