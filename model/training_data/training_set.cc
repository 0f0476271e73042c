#include "model/training_data/training_set.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "model/evaluation/ground_truth.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

absl::StatusOr<LabelledPicture> DecodeItem(const ItemFiles& files, bool anomalous, const PictureReading& reading) {
  absl::StatusOr<RgbImage> picture = DecodeBytes(files.picture, reading);
  if (!picture.ok()) return picture.status();
  if (std::max(picture->width, picture->height) > kMaxTrainingSide) {
    return absl::InvalidArgumentError(absl::StrCat("the picture is ", picture->width, "x", picture->height,
                                                   " pixels, training takes sides up to ", kMaxTrainingSide));
  }
  if (absl::Status status = CheckMasks(files, *picture, reading); !status.ok()) return status;
  absl::StatusOr<std::optional<LabelMask>> joined = JoinMasks(files, reading);
  if (!joined.ok()) return joined.status();
  LabelledPicture labelled{*std::move(picture), {}, anomalous};
  if (joined->has_value()) labelled.mask = std::move((*joined)->marked);
  labelled.mask.resize(labelled.picture.pixel_count());
  for (uint8_t& value : labelled.mask) value = value != 0 ? 255 : 0;
  return labelled;
}

// What is found out about one picture.
struct Checked {
  std::string digest = {};
  std::vector<std::string> file_digests = {};
  absl::Status status = {};
};

Checked Check(const Dataset& dataset, const DatasetItem& item, const PictureReading& reading) {
  const absl::StatusOr<ItemFiles> files = ReadItem(dataset, item);
  if (!files.ok()) return {.status = files.status()};
  const absl::StatusOr<LabelledPicture> labelled = DecodeItem(*files, item.anomalous, reading);
  if (!labelled.ok()) return {.status = labelled.status()};
  const bool marked = std::any_of(labelled->mask.begin(), labelled->mask.end(), [](uint8_t v) { return v != 0; });
  if (item.anomalous && !marked) return {.status = absl::InvalidArgumentError("its mask marks no pixel")};
  return {.digest = files->Digest(), .file_digests = files->FileDigests()};
}

// Counts the pictures of all data sets, whichever thread has read them.
class ReadCount {
 public:
  ReadCount(int64_t total, const ReadingObserver& observer) : total_(total), observer_(observer) {}

  void Advance() {
    const MutexLock lock(mu_);
    ++done_;
    if (observer_) observer_(done_, total_);
  }

 private:
  const int64_t total_;
  const ReadingObserver& observer_;
  Mutex mu_;
  int64_t done_ ABSL_GUARDED_BY(mu_) = 0;
};

std::vector<Checked> CheckAll(const Dataset& dataset, const PictureReading& reading, int threads, ReadCount& count) {
  std::vector<Checked> checked(dataset.items.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < checked.size(); i = next++) {
      checked[i] = Check(dataset, dataset.items[i], reading);
      count.Advance();
    }
  };
  // Futures and not threads: what is thrown there, for want of memory, comes out here.
  std::vector<std::future<void>> helpers;
  for (int thread = 1; thread < threads; ++thread) helpers.push_back(std::async(std::launch::async, work));
  work();
  for (std::future<void>& helper : helpers) helper.get();
  return checked;
}

bool AnyAnomalous(const Dataset& dataset) {
  return std::any_of(dataset.items.begin(), dataset.items.end(),
                     [](const DatasetItem& item) { return item.anomalous; });
}

absl::Status RequireDefectsAndMasks(const Dataset& dataset) {
  const std::string name = absl::StrCat("the data set ", dataset.name);
  if (!AnyAnomalous(dataset)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has no picture with a defect",
                     dataset.split.empty() ? "" : absl::StrCat(" in its split \"", dataset.split, "\""),
                     "; a network learns from pictures with defects and their masks"));
  }
  if (dataset.image_only) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " has no masks; a network learns from masks where defects are"));
  }
  return absl::OkStatus();
}

// Moves the data set's pictures into the set.
absl::Status Take(Dataset dataset, const PictureReading& reading, std::vector<Checked> checked, TrainingSet& set) {
  const size_t source = set.datasets.size();
  int64_t anomalous = 0;
  const size_t bad_before = set.bad.size();
  for (size_t i = 0; i < checked.size(); ++i) {
    DatasetItem& item = dataset.items[i];
    if (!checked[i].status.ok()) {
      set.bad.push_back({dataset.name, item.image, std::string(checked[i].status.message())});
      continue;
    }
    anomalous += item.anomalous ? 1 : 0;
    set.normal += item.anomalous ? 0 : 1;
    set.items.push_back({source, std::move(item), std::move(checked[i].digest), std::move(checked[i].file_digests)});
  }
  set.anomalous += anomalous;
  if (anomalous == 0) {  // there are some, RequireDefectsAndMasks() says: they are bad
    return absl::InvalidArgumentError(absl::StrCat(
        "of the data set ", dataset.name, " no picture with a defect can be used; ", set.bad.size() - bad_before,
        " pictures are bad, the first one: ", set.bad[bad_before].Sentence()));
  }
  dataset.items.clear();
  set.datasets.push_back(std::move(dataset));
  set.readings.push_back(reading);
  return absl::OkStatus();
}

}  // namespace

std::string BadPicture::Sentence() const { return absl::StrCat(dataset, ": ", image, ": ", reason); }

std::string TrainingSet::PixelDigest(const TrainingItem& item) const {
  const PictureReading& reading = readings[item.source];
  if (reading == PictureReading()) return item.digest;
  return Sha256Hex(absl::StrCat(item.digest, "\nsignificant bits ", reading.significant_bits.value_or(0), "\nupright ",
                                reading.apply_orientation ? 1 : 0));
}

std::string TrainingSet::CategoryOf(const TrainingItem& item) const {
  const std::string& name = datasets[item.source].name;
  const bool alone = std::count_if(datasets.begin(), datasets.end(),
                                   [&name](const Dataset& dataset) { return dataset.name == name; }) == 1;
  return absl::StrCat(alone ? "" : absl::StrCat(item.source + 1, ": "), name, "/", item.item.category);
}

std::string TrainingSet::DataList() const {
  std::string lines;
  for (const TrainingItem& entry : items) {
    const DatasetItem& item = entry.item;
    const std::vector<std::string>& files = entry.file_digests;
    nlohmann::ordered_json line = {{"dataset", datasets[entry.source].name},
                                   {"image", item.image},
                                   {"masks", item.masks},
                                   {"category", item.category},
                                   {"defect", item.defect},
                                   {"anomalous", item.anomalous},
                                   {"sha256", files.front()},
                                   {"mask_sha256", std::vector<std::string>(files.begin() + 1, files.end())}};
    const PictureReading& reading = readings[entry.source];
    if (reading.significant_bits.has_value()) line["significant_bits"] = *reading.significant_bits;
    if (reading.apply_orientation) line["apply_orientation"] = true;
    // Names of files need not be UTF-8.
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    lines += '\n';
  }
  return lines;
}

std::string TrainingSet::Digest() const { return Sha256Hex(DataList()); }

int64_t SharedPictures(const TrainingSet& set, const TrainingSet& other) {
  std::set<absl::string_view> known;
  for (const TrainingItem& item : other.items) known.insert(item.file_digests.front());
  return std::count_if(set.items.begin(), set.items.end(),
                       [&known](const TrainingItem& item) { return known.contains(item.file_digests.front()); });
}

int64_t RepeatedPictures(const TrainingSet& set) {
  std::set<absl::string_view> different;
  for (const TrainingItem& item : set.items) different.insert(item.file_digests.front());
  return static_cast<int64_t>(set.items.size() - different.size());
}

absl::StatusOr<TrainingSet> OpenTrainingSet(const std::vector<TrainingSource>& sources,
                                            const TrainingSetOptions& options, const ReadingObserver& observer) {
  if (sources.empty()) return absl::InvalidArgumentError("no data set to train on is named");
  std::vector<Dataset> datasets;
  int64_t total = 0;
  for (const TrainingSource& source : sources) {
    absl::StatusOr<Dataset> dataset = OpenDataset(source.path, source.options);
    if (!dataset.ok()) return dataset.status();
    if (absl::Status status = RequireDefectsAndMasks(*dataset); !status.ok()) return status;
    total += static_cast<int64_t>(dataset->items.size());
    datasets.push_back(*std::move(dataset));
  }
  TrainingSet set;
  ReadCount count(total, observer);
  for (size_t i = 0; i < datasets.size(); ++i) {
    std::vector<Checked> checked = CheckAll(datasets[i], sources[i].reading, options.threads, count);
    absl::Status status = Take(std::move(datasets[i]), sources[i].reading, std::move(checked), set);
    if (!status.ok()) return status;
  }
  return set;
}

absl::StatusOr<LabelledPicture> LoadPicture(const TrainingSet& set, const TrainingItem& item) {
  const Dataset& dataset = set.datasets[item.source];
  const absl::StatusOr<ItemFiles> files = ReadItem(dataset, item.item);
  if (!files.ok()) return files.status();
  if (files->Digest() != item.digest) {
    return absl::DataLossError(absl::StrCat("the picture ", item.item.image, " of ", dataset.name,
                                            ", or its mask, has changed since the training began"));
  }
  absl::StatusOr<LabelledPicture> labelled = DecodeItem(*files, item.item.anomalous, set.readings[item.source]);
  if (!labelled.ok()) {
    return absl::Status(labelled.status().code(), absl::StrCat(item.item.image, ": ", labelled.status().message()));
  }
  return labelled;
}

}  // namespace bayespfl
