#include "model/evaluation/evaluation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "model/detection/pixel_map.h"
#include "model/evaluation/dataset_digest.h"
#include "model/evaluation/ground_truth.h"
#include "model/evaluation/picture_seed.h"
#include "model/evaluation/reference_scores.h"
#include "model/image/sample_bits.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

void CopyScores(const StoredScores& scores, PictureResult& picture) {
  picture.score = scores.score;
  picture.score_std = scores.score_std;
  picture.map_score = scores.map_score;
}

// The metrics rank numbers; a model with broken weights may give something else.
absl::Status CheckFinite(const Detection& detection) {
  const auto finite = [](float value) { return std::isfinite(value); };
  const bool scores = finite(detection.score) && finite(detection.score_std) && finite(detection.map_score);
  if (scores && std::all_of(detection.map.values.begin(), detection.map.values.end(), finite)) return absl::OkStatus();
  return absl::InternalError("the model gave a number that is not finite");
}

// Inspects one picture and keeps the result. A broken picture comes back with its reason; an error ends the run.
absl::Status DetectItem(const ItemFiles& files, int64_t index, const EvaluationSetting& setting,
                        const Detector& detector, RunState& state, PictureResult& picture) {
  const absl::StatusOr<RgbImage> image = DecodeBytes(files.picture, setting.reading);
  absl::Status broken = image.status();
  if (broken.ok()) broken = CheckMasks(files, *image, setting.reading);
  picture.shallow = broken.ok() && HasShallowSamples(*image);
  if (!broken.ok()) {
    picture.skipped = std::string(broken.message());
    return absl::OkStatus();
  }
  const CategorySetting drawn = setting.Of(picture.item.category);
  const Frame frame{.image = &*image,
                    .object = drawn.object,
                    .seed = picture.seed,
                    .samples = drawn.samples,
                    .map_size = MapSize::kModel,
                    .smooth = false};
  const absl::StatusOr<Detection> detection = std::move(detector.Detect({&frame, 1}).front());
  if (!detection.ok()) {
    return absl::Status(detection.status().code(),
                        absl::StrCat(picture.item.image, ": ", detection.status().message()));
  }
  if (absl::Status status = CheckFinite(*detection); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(picture.item.image, ": ", status.message()));
  }
  const StoredScores scores{.score = detection->score,
                            .score_std = detection->score_std,
                            .map_score = detection->map_score,
                            .files_digest = picture.files_digest};
  CopyScores(scores, picture);
  return state.Put(index, scores, detection->map);
}

// What the files say of a picture before it is decoded.
void NoteFiles(const ItemFiles& files, const EvaluationSetting& setting, PictureResult& picture) {
  const CategorySetting drawn = setting.Of(picture.item.category);
  picture.files_digest = files.Digest();
  picture.seed = setting.seed_per_picture ? PictureSeed(drawn.seed, files.picture) : drawn.seed;
  const absl::Span<const uint8_t> encoded(reinterpret_cast<const uint8_t*>(files.picture.data()), files.picture.size());
  picture.stands_otherwise = StandsOtherwise(encoded, setting.reading.apply_orientation, drawn.apply_orientation);
}

// What is most likely not meant, a sentence for all pictures. `inspected`: now, not by an earlier run.
void SayWarnings(const std::vector<PictureResult>& pictures, int64_t inspected, const EvaluationSetting& setting,
                 EvaluationObserver& observer) {
  const auto say = [&](int64_t count, int64_t of, absl::string_view what) {
    if (count > 0) observer.Say(absl::StrCat("warning: ", count, " of ", of, " pictures: ", what));
  };
  int64_t counting = 0;
  int64_t shallow = 0;
  int64_t otherwise = 0;
  for (const PictureResult& picture : pictures) {
    counting += picture.counts() ? 1 : 0;
    shallow += picture.shallow ? 1 : 0;
    otherwise += picture.counts() && picture.stands_otherwise ? 1 : 0;
  }
  say(shallow, inspected, kShallowSamplesMessage);
  say(otherwise, counting, OtherOrientationMessage(setting.reading.apply_orientation));
}

}  // namespace

absl::string_view DeviceKind(absl::string_view device) { return device.substr(0, device.find(':')); }

CategorySetting EvaluationSetting::Of(const std::string& category) const {
  // What is no key has no entry either; Detector::Validate() says what is wrong with it.
  const std::string key = CategoryKey(category).value_or(category);
  CategorySetting drawn = categories.Resolve({.category = key, .samples = samples, .seed = seed});
  if (drawn.samples == 0) drawn.samples = model.default_samples;
  return drawn;
}

std::string RunIdentity(const Dataset& dataset, const EvaluationSetting& setting) {
  nlohmann::json draws = nlohmann::json::object();
  for (const DatasetItem& item : dataset.items) {
    if (draws.contains(item.category)) continue;
    const CategorySetting drawn = setting.Of(item.category);
    draws[item.category] = {{"object", drawn.object}, {"seed", drawn.seed}, {"samples", drawn.samples}};
  }
  nlohmann::json identity = {{"version", BAYESPFL_VERSION},
                             {"model", setting.model.digest},
                             {"device", std::string(DeviceKind(setting.model.device))},
                             {"listing", ListingDigest(dataset)},
                             {"image_only", dataset.image_only},
                             {"draws", draws}};
  // The digest is of the package's files, which may be computed in another precision than they say.
  identity["precision"] = setting.model.precision;
  const PictureReading& reading = setting.reading;
  if (reading.significant_bits.has_value()) identity["significant_bits"] = *reading.significant_bits;
  if (reading.apply_orientation) identity["apply_orientation"] = true;
  if (setting.seed_per_picture) identity["seed_per_picture"] = true;
  return identity.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

absl::Status CheckMapSize(const Dataset& dataset, const EvaluationSetting& setting) {
  const int64_t pixels = int64_t{setting.model.image_size} * setting.model.image_size;
  for (const DatasetItem& item : dataset.items) {
    if (const int64_t k = ReferenceTopK(item.category); k > pixels) {
      return absl::FailedPreconditionError(absl::StrCat("the reference takes the mean of the ", k,
                                                        " hottest pixels of ", item.category,
                                                        "; this model's maps have ", pixels));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PictureResult>> DetectAll(const Dataset& dataset, const EvaluationSetting& setting,
                                                     const Detector& detector, RunState& state,
                                                     EvaluationObserver& observer) {
  for (const std::string& note : state.notes()) observer.Say(note);
  if (state.size() > 0) observer.Say(absl::StrCat("continues an earlier run with ", state.size(), " results"));
  observer.Begin("pictures", static_cast<int64_t>(dataset.items.size()));
  std::vector<PictureResult> pictures;
  int64_t inspected = 0;  // now, not by an earlier run
  for (const DatasetItem& item : dataset.items) {
    const auto index = static_cast<int64_t>(pictures.size());
    PictureResult& picture = pictures.emplace_back(PictureResult{.item = item});
    bool fresh = true;
    const absl::StatusOr<ItemFiles> files = ReadItem(dataset, item);
    if (files.ok()) {
      NoteFiles(*files, setting, picture);
      if (const StoredScores* stored = state.Find(index, picture.files_digest); stored != nullptr) {
        CopyScores(*stored, picture);
        fresh = false;
      } else if (absl::Status status = DetectItem(*files, index, setting, detector, state, picture); !status.ok()) {
        return status;
      }
    } else {
      picture.skipped = std::string(files.status().message());
    }
    if (!picture.counts()) observer.Say(absl::StrCat("skipped ", item.image, ": ", picture.skipped));
    observer.Advance(fresh && picture.counts());
    inspected += fresh && picture.counts() ? 1 : 0;
  }
  SayWarnings(pictures, inspected, setting, observer);
  if (state.dropped() > 0) {
    observer.Say(absl::StrCat(state.dropped(), " earlier result", state.dropped() == 1 ? "" : "s",
                              " had a damaged map or files that changed since; computed anew"));
  }
  return pictures;
}

}  // namespace bayespfl
