#include "model/synthetic/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/orientation.h"
#include "model/image/resample.h"
#include "model/synthetic/camera.h"
#include "model/synthetic/light.h"
#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

constexpr int kAttempts = 200;
constexpr float kFootprint = 0.5F;      // from here on a pixel belongs to the defect
constexpr float kLargestOnPart = 0.4F;  // of the part's area
constexpr float kSeen = 10;             // gray levels, 0..255, that a pixel changes by
constexpr double kSeenShare = 0.4;      // of the defect's pixels that must change so
constexpr double kLeastSoftness = 0.4;  // pixels: as the lenses of camera.h
constexpr double kMostSoftness = 1.1;

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

// How a part is looked at.
struct View {
  Light light;
  Camera camera;
  // Deviation of the blur that what a defect changes gets before the camera sees it, pixels: of a photograph, whose own
  // lens is behind it. Else sharp edges would give every defect away.
  float softness = 0;
};

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

// Blurs what differs from the good part's light. What does not stays the same to the last bit, but for a few pixels
// beside it.
void Soften(const std::array<Field, 3>& good, float deviation, std::array<Field, 3>& light) {
  for (size_t c = 0; c < 3; ++c) {
    Field change = light.at(c);
    for (size_t i = 0; i < change.values.size(); ++i) change.values[i] -= good.at(c).values[i];
    Blur(deviation, change);
    for (size_t i = 0; i < change.values.size(); ++i) light.at(c).values[i] = good.at(c).values[i] + change.values[i];
  }
}

std::optional<Damage> TryDefect(const Part& good, const std::array<Field, 3>& good_light, const View& view,
                                const Defect& kind, Draws& draws) {
  const auto pixels = static_cast<double>(good.coverage.values.size());
  const auto aimed = static_cast<float>(std::min(AimedShare(draws) * pixels, kLargestOnPart * good.coverage.Sum()));
  Part part = good;
  const Field footprint = kind.make(aimed, draws, part);
  Damage damage{Illuminate(part, view.light), std::vector<uint8_t>(footprint.values.size()), std::string(kind.name)};
  if (view.softness > 0) Soften(good_light, view.softness, damage.light);
  int64_t marked = 0;
  for (size_t i = 0; i < footprint.values.size(); ++i) {
    damage.mask[i] = footprint.values[i] > kFootprint ? 255 : 0;
    marked += damage.mask[i] != 0 ? 1 : 0;
  }
  const double share = static_cast<double>(marked) / pixels;
  if (share < kLeastDefectShare || share > kMostDefectShare) return std::nullopt;
  if (!IsSeen(good_light, damage, view.camera)) return std::nullopt;
  return damage;
}

// The kind is drawn anew for every attempt, or parts on which one kind cannot be seen would have no defects.
std::optional<Damage> MakeDamage(const Part& good, const std::array<Field, 3>& good_light, const View& view,
                                 const std::vector<const Defect*>& kinds, Draws& draws) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const Defect& kind = *kinds[static_cast<size_t>(draws.Below(static_cast<int64_t>(kinds.size())))];
    std::optional<Damage> damage = TryDefect(good, good_light, view, kind, draws);
    if (damage.has_value()) return damage;
  }
  return std::nullopt;
}

std::vector<const Defect*> AllDefects() {
  std::vector<const Defect*> all;
  for (const Defect& defect : Defects()) all.push_back(&defect);
  return all;
}

// Draws a defect onto the part: `lit`, the good part's light, becomes the damaged one's. False: none could be made.
bool Spoil(const Part& part, const View& view, const std::vector<const Defect*>& kinds, Draws& draws,
           std::array<Field, 3>& lit, Scene& scene) {
  std::optional<Damage> damage = MakeDamage(part, lit, view, kinds, draws);
  if (!damage.has_value()) return false;
  lit = std::move(damage->light);
  scene.labelled.mask = std::move(damage->mask);
  scene.labelled.anomalous = true;
  scene.defect = std::move(damage->kind);
  return true;
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

RgbImage Crop(const RgbImage& picture, int left, int top, const FrameSize& size) {
  RgbImage piece{size.width, size.height, {}};
  piece.pixels.reserve(piece.pixel_count() * 3);
  for (int y = top; y < top + size.height; ++y) {
    const auto row =
        picture.pixels.begin() + 3 * (static_cast<ptrdiff_t>(y) * picture.width + static_cast<ptrdiff_t>(left));
    piece.pixels.insert(piece.pixels.end(), row, row + 3 * static_cast<ptrdiff_t>(size.width));
  }
  return piece;
}

// A piece of the photograph in the frame's shape, at any place, mirrored either way one time out of two.
RgbImage DrawPiece(const RgbImage& photograph, const FrameSize& size, Draws& draws) {
  const double fits = std::min(static_cast<double>(photograph.width) / size.width,
                               static_cast<double>(photograph.height) / size.height);
  const double scale = fits * draws.Uniform(kLeastPhotographCrop, 1);
  const auto length = [&](int side, int most) {
    return std::clamp(static_cast<int>(std::lround(side * scale)), 1, most);
  };
  const FrameSize taken{length(size.width, photograph.width), length(size.height, photograph.height)};
  const auto left = static_cast<int>(draws.Between(0, photograph.width - taken.width));
  const auto top = static_cast<int>(draws.Between(0, photograph.height - taken.height));
  RgbImage piece = ResizeBicubic(Crop(photograph, left, top, taken), size.width, size.height);
  if (draws.Chance(0.5)) piece = TurnUpright(std::move(piece), Orientation::kMirror);
  if (draws.Chance(0.5)) piece = TurnUpright(std::move(piece), Orientation::kFlip);
  return piece;
}

bool IsGray(const RgbImage& picture) {
  for (size_t i = 0; i < picture.pixels.size(); i += 3) {
    if (picture.pixels[i] != picture.pixels[i + 1] || picture.pixels[i] != picture.pixels[i + 2]) return false;
  }
  return true;
}

// Flat and matt, so that any light leaves it as it is.
Part PartOf(const RgbImage& picture) {
  Part part(picture.width, picture.height);
  for (size_t i = 0; i < picture.pixel_count(); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      part.colour.at(c).values[i] = static_cast<float>(picture.pixels[3 * i + c]) / 255;
    }
  }
  return part;
}

// One that adds nothing: what the photograph's own camera did is enough.
Camera FaithfulCamera(bool gray, const Draws& draws) {
  Camera camera(draws);
  camera.gray = gray;
  camera.black = 0;
  camera.range = 1;
  camera.noise = 0;
  return camera;
}

}  // namespace

absl::StatusOr<Scene> MakeScene(const Family& family, bool anomalous, const SceneOptions& options, Draws draws) {
  const FrameSize size = DrawFrame(options.side, draws);
  const double stretch = DrawStretch(draws);
  Part part(size.width, size.height);
  family.build(draws, part);
  const Light light = DrawLight(draws);
  std::array<Field, 3> lit = Illuminate(part, light);
  const View view{light, DrawCamera(lit, draws)};
  Scene scene;
  scene.labelled.mask.resize(part.coverage.values.size());
  const std::vector<const Defect*> kinds = options.defects.empty() ? AllDefects() : options.defects;
  if (anomalous && !Spoil(part, view, kinds, draws, lit, scene)) {
    return absl::InternalError(absl::StrCat("no visible defect could be made on a part of the family ", family.name));
  }
  scene.labelled.picture = TakePicture(view.camera, std::move(lit));
  Stretch(stretch, scene.labelled);
  return scene;
}

std::vector<const Defect*> PhotographDefects() {
  std::vector<const Defect*> kinds = AllDefects();
  std::erase_if(kinds, [](const Defect* kind) { return kind->moves; });
  return kinds;
}

absl::StatusOr<Scene> MakePhotographScene(const RgbImage& photograph, bool anomalous, const SceneOptions& options,
                                          Draws draws) {
  const FrameSize size = DrawFrame(options.side, draws);
  const RgbImage piece = DrawPiece(photograph, size, draws);
  Scene scene;
  scene.labelled.mask.resize(piece.pixel_count());
  if (!anomalous) {
    scene.labelled.picture = piece;
    return scene;
  }
  const Part part = PartOf(piece);
  const Light light = DrawLight(draws);
  const View view{light, FaithfulCamera(IsGray(piece), draws), Real(kLeastSoftness, kMostSoftness, draws)};
  std::array<Field, 3> lit = Illuminate(part, light);
  std::vector<const Defect*> kinds = options.defects.empty() ? PhotographDefects() : options.defects;
  std::erase_if(kinds, [](const Defect* kind) { return kind->moves; });
  if (kinds.empty() || !Spoil(part, view, kinds, draws, lit, scene)) {
    return absl::InternalError("no visible defect could be made on it");
  }
  scene.labelled.picture = TakePicture(view.camera, std::move(lit));
  return scene;
}

}  // namespace bayespfl::synthetic
