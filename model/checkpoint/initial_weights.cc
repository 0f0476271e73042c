#include "model/checkpoint/initial_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "model/network/philox.h"

namespace bayespfl {
namespace {

const float kInitialTemperature = std::log(1.0F / 0.07F);

float InverseSqrt(double value) { return static_cast<float>(1.0 / std::sqrt(value)); }

// Of patches of pictures that are normalised as CLIP's: the deviation of a cosine's coefficient times its frequency.
constexpr double kUsualPower = 2.4;
// Of red, green and blue; colours differ by less than brightness does, and are seen three times as large.
constexpr std::array<double, 3> kBrightness = {1.0 / 3, 1.0 / 3, 1.0 / 3};
constexpr std::array<double, 3> kRedBlue = {1.5, 0, -1.5};
constexpr std::array<double, 3> kGreenOthers = {-0.75, 1.5, -0.75};

void AddToDiagonal(float value, int64_t width, absl::Span<float> matrix) {
  for (int64_t i = 0; i < width; ++i) matrix[static_cast<size_t>(i * (width + 1))] += value;
}

// PyTorch's default for a convolution: uniform in +-fan_in^-1/2, whose deviation is (3 fan_in)^-1/2.
float ConvolutionDeviation(int64_t fan_in) { return InverseSqrt(3.0 * static_cast<double>(fan_in)); }

bool IsBias(absl::string_view name) { return absl::EndsWith(name, ".bias") || absl::EndsWith(name, "in_proj_bias"); }

// One matrix of a residual block.
float BlockDeviation(absl::string_view name, const TowerConfig& tower) {
  const auto width = static_cast<double>(tower.width);
  if (absl::StrContains(name, "out_proj") || absl::StrContains(name, "c_proj")) {
    return InverseSqrt(2.0 * static_cast<double>(tower.layers) * width);
  }
  return absl::StrContains(name, "c_fc") ? InverseSqrt(2.0 * width) : InverseSqrt(width);
}

}  // namespace

InitialValues InitialClipValues(const std::string& name, const ModelConfig& config) {
  const bool visual = absl::StartsWith(name, "visual.");
  const TowerConfig& tower = visual ? config.vision : config.text;
  if (name == "logit_scale") return {kInitialTemperature, 0};
  if (IsBias(name)) return {0, 0};
  if (absl::StrContains(name, "ln_")) return {1, 0};
  if (name == "token_embedding.weight") return {0, 0.02F};
  if (name == "positional_embedding") return {0, 0.01F};
  if (name == "visual.conv1.weight") return {0, ConvolutionDeviation(3 * config.patch_size * config.patch_size)};
  if (absl::StrContains(name, "resblocks")) return {0, BlockDeviation(name, tower)};
  // class embedding, vision positions, both projections
  return {0, InverseSqrt(static_cast<double>(tower.width))};
}

InitialValues InitialBayesPflValues(const std::string& name, const ModelConfig& config) {
  if (absl::StartsWith(name, "temperature_")) return {kInitialTemperature, 0};
  if (name == "prompt_context") return {0, 0.02F};
  if (name == "prompt_state_normal") return {0.5F, 0.02F};
  if (name == "prompt_state_abnormal") return {-0.5F, 0.02F};
  if (absl::StartsWith(name, "RCA.q_proj_pre")) return {0, ConvolutionDeviation(config.text.width)};
  if (IsBias(name)) return {0, 0};
  const bool flow_parameter = absl::StrContains(name, ".state") || absl::StrContains(name, ".amor_");
  if (flow_parameter && !absl::StartsWith(name, "PFL_context")) return {0, 1};
  return {0, 0.02F};
}

InitialValues InitialSmallClipValues(const std::string& name, const ModelConfig& config) {
  if (name == "visual.positional_embedding") return {.pattern = InitialPattern::kPositions};
  if (name == "visual.conv1.weight") return {.pattern = InitialPattern::kPatches};
  InitialValues values = InitialClipValues(name, config);
  if (absl::StartsWith(name, "visual.")) {
    if (absl::EndsWith(name, "in_proj_weight")) values.pattern = InitialPattern::kAttention;
    if (absl::EndsWith(name, "out_proj.weight")) values.pattern = InitialPattern::kOutput;
  }
  return values;
}

InitialValues InitialSmallBayesPflValues(const std::string& name, const ModelConfig& config) {
  if (name == "prompt_context") return {0, 0.7F};
  if (absl::StartsWith(name, "prompt_state_")) return {0, 1.5F};
  if (absl::EndsWith(name, "log_variance.module.4.bias")) return {-3, 0};
  InitialValues values = InitialBayesPflValues(name, config);
  if (absl::StrContains(name, ".amor_")) values.deviation *= 0.1F;
  return values;
}

void FillPositions(int64_t grid, absl::Span<float> out) {
  const int64_t width = static_cast<int64_t>(out.size()) / (1 + grid * grid);
  const int64_t waves = width / 4;
  std::fill(out.begin(), out.begin() + width, 0.0F);
  float* to = out.data() + width;
  for (int64_t place = 0; place < grid * grid; ++place) {
    for (const int64_t coordinate : {place / grid, place % grid}) {
      for (int64_t wave = 0; wave < waves; ++wave) {
        const double turn = static_cast<double>(coordinate) *
                            std::pow(10'000.0, -static_cast<double>(wave) / static_cast<double>(waves));
        *to++ = static_cast<float>(std::sin(turn));
        *to++ = static_cast<float>(std::cos(turn));
      }
    }
  }
}

void FillPatches(int64_t patch, int64_t width, absl::Span<float> out) {
  struct Frequency {
    int64_t down;
    int64_t across;
    int64_t square() const { return down * down + across * across; }
  };
  std::vector<Frequency> rising;
  for (int64_t down = 0; down < patch; ++down) {
    for (int64_t across = 0; across < patch; ++across) rising.push_back({down, across});
  }
  std::stable_sort(rising.begin(), rising.end(),
                   [](const Frequency& a, const Frequency& b) { return a.square() < b.square(); });
  // What a cosine of frequency `turns` is at a pixel: rows of an orthonormal matrix (the DCT's second kind).
  const auto cosine = [&](int64_t turns, int64_t pixel) {
    const auto side = static_cast<double>(patch);
    return std::sqrt((turns == 0 ? 1.0 : 2.0) / side) *
           std::cos(std::numbers::pi * static_cast<double>(turns) * (static_cast<double>(pixel) + 0.5) / side);
  };
  float* to = out.data();
  const int64_t of_a_colour = width / 6;
  for (const auto& [count, colours] : {std::pair(width - 2 * of_a_colour, kBrightness),
                                       std::pair(of_a_colour, kRedBlue), std::pair(of_a_colour, kGreenOthers)}) {
    for (int64_t i = 0; i < count; ++i) {
      const Frequency& frequency = rising[static_cast<size_t>(i)];
      const double size = frequency.square() == 0 ? 1.0 / static_cast<double>(patch)
                                                  : std::sqrt(static_cast<double>(frequency.square())) / kUsualPower;
      for (const double colour : colours) {
        for (int64_t y = 0; y < patch; ++y) {
          for (int64_t x = 0; x < patch; ++x) {
            *to++ = static_cast<float>(colour * size * cosine(frequency.down, y) * cosine(frequency.across, x));
          }
        }
      }
    }
  }
}

void ShapeAttention(int64_t width, absl::Span<float> out) {
  const auto matrix = static_cast<size_t>(width * width);
  std::copy_n(out.begin(), matrix, out.begin() + matrix);
  AddToDiagonal(kValueDiagonal, width, out.subspan(2 * matrix));
}

void FillInitial(const InitialValues& values, const ModelConfig& config, uint64_t seed, uint32_t number,
                 absl::Span<float> out) {
  if (values.pattern == InitialPattern::kPositions) return FillPositions(config.pretrain_grid(), out);
  if (values.pattern == InitialPattern::kPatches) return FillPatches(config.patch_size, config.vision.width, out);
  if (values.deviation == 0) {
    std::fill(out.begin(), out.end(), values.mean);
    return;
  }
  FillNormal(seed, NoiseStream::kWeights, number, out);
  for (float& value : out) value = values.mean + values.deviation * value;
  if (values.pattern == InitialPattern::kAttention) ShapeAttention(config.vision.width, out);
  if (values.pattern == InitialPattern::kOutput) AddToDiagonal(kOutputDiagonal, config.vision.width, out);
}

}  // namespace bayespfl
