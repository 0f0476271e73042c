#include "model/synthetic/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/resample.h"
#include "model/synthetic/camera.h"
#include "model/synthetic/light.h"

namespace bayespfl::synthetic {
namespace {

constexpr int kAttempts = 200;
constexpr float kFootprint = 0.5F;      // from here on a pixel belongs to the defect
constexpr float kLargestOnPart = 0.4F;  // of the part's area
constexpr float kSeen = 10;             // gray levels, 0..255, that a pixel changes by
constexpr double kSeenShare = 0.4;      // of the defect's pixels that must change so

struct FrameSize {
  int width = 0;
  int height = 0;
};

// Square one time out of two, else up to 1.5 to 1 either way.
FrameSize DrawFrame(int side, Draws& draws) {
  const double aspect = draws.Chance(0.5) ? 1.0 : draws.Uniform(1.0, 1.5);
  const int shorter = static_cast<int>(std::lround(side / aspect));
  return draws.Chance(0.5) ? FrameSize{side, shorter} : FrameSize{shorter, side};
}

// What the belt's speed does to the picture's height.
double DrawStretch(Draws& draws) { return draws.Chance(0.6) ? 1.0 : draws.Uniform(0.65, 1.4); }

struct Damage {
  std::array<Field, 3> light;
  std::vector<uint8_t> mask;  // 255 where the defect is
  std::string kind;
};

double AimedShare(Draws& draws) {
  const double share = kAimedDefectShare * std::exp(kDefectShareDeviation * draws.Normal());
  return std::clamp(share, kLeastDefectShare, kMostDefectShare);
}

// Whether the defect changes enough of its own pixels.
bool IsSeen(const std::array<Field, 3>& good, const Damage& damage, const Camera& camera) {
  int64_t marked = 0;
  int64_t seen = 0;
  for (size_t i = 0; i < damage.mask.size(); ++i) {
    if (damage.mask[i] == 0) continue;
    float change = 0;
    for (size_t c = 0; c < 3; ++c) {
      change += std::abs(GrayLevel(camera, damage.light.at(c).values[i]) - GrayLevel(camera, good.at(c).values[i])) / 3;
    }
    ++marked;
    seen += change >= kSeen ? 1 : 0;
  }
  return static_cast<double>(seen) >= kSeenShare * static_cast<double>(marked);
}

std::optional<Damage> TryDefect(const Part& good, const std::array<Field, 3>& good_light, const Light& light,
                                const Camera& camera, const Defect& kind, Draws& draws) {
  const auto pixels = static_cast<double>(good.coverage.values.size());
  const auto aimed = static_cast<float>(std::min(AimedShare(draws) * pixels, kLargestOnPart * good.coverage.Sum()));
  Part part = good;
  const Field footprint = kind.make(aimed, draws, part);
  Damage damage{Illuminate(part, light), std::vector<uint8_t>(footprint.values.size()), std::string(kind.name)};
  int64_t marked = 0;
  for (size_t i = 0; i < footprint.values.size(); ++i) {
    damage.mask[i] = footprint.values[i] > kFootprint ? 255 : 0;
    marked += damage.mask[i] != 0 ? 1 : 0;
  }
  const double share = static_cast<double>(marked) / pixels;
  if (share < kLeastDefectShare || share > kMostDefectShare) return std::nullopt;
  if (!IsSeen(good_light, damage, camera)) return std::nullopt;
  return damage;
}

// The kind is drawn anew for every attempt, or parts on which one kind cannot be seen would have no defects.
std::optional<Damage> MakeDamage(const Part& good, const std::array<Field, 3>& good_light, const Light& light,
                                 const Camera& camera, const SceneOptions& options, Draws& draws) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Defect& kind =
        options.defects.empty()
            ? Defects()[static_cast<size_t>(draws.Below(static_cast<int64_t>(Defects().size())))]
            : *options.defects[static_cast<size_t>(draws.Below(static_cast<int64_t>(options.defects.size())))];
    std::optional<Damage> damage = TryDefect(good, good_light, light, camera, kind, draws);
    if (damage.has_value()) return damage;
  }
  return std::nullopt;
}

void Stretch(double factor, LabelledPicture& labelled) {
  RgbImage& picture = labelled.picture;
  const int height = static_cast<int>(std::lround(picture.height * factor));
  if (height == picture.height) return;
  labelled.mask =
      Resample8(labelled.mask, picture.width, picture.height, 1, picture.width, height, ResampleFilter::kBilinear);
  for (uint8_t& value : labelled.mask) value = value > 127 ? 255 : 0;
  picture = ResizeBicubic(picture, picture.width, height);
}

}  // namespace

absl::StatusOr<Scene> MakeScene(const Family& family, bool anomalous, const SceneOptions& options, Draws draws) {
  const FrameSize size = DrawFrame(options.side, draws);
  const double stretch = DrawStretch(draws);
  Part part(size.width, size.height);
  family.build(draws, part);
  const Light light = DrawLight(draws);
  std::array<Field, 3> lit = Illuminate(part, light);
  const Camera camera = DrawCamera(lit, draws);
  Scene scene;
  scene.labelled.mask.resize(part.coverage.values.size());
  if (anomalous) {
    std::optional<Damage> damage = MakeDamage(part, lit, light, camera, options, draws);
    if (!damage.has_value()) {
      return absl::InternalError(absl::StrCat("no visible defect could be made on a part of the family ", family.name));
    }
    lit = std::move(damage->light);
    scene.labelled.mask = std::move(damage->mask);
    scene.labelled.anomalous = true;
    scene.defect = std::move(damage->kind);
  }
  scene.labelled.picture = TakePicture(camera, std::move(lit));
  Stretch(stretch, scene.labelled);
  return scene;
}

}  // namespace bayespfl::synthetic
