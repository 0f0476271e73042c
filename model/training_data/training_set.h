// The pictures that a network is trained on: found, read once and checked before hours are spent on them.
//
// Data sets are those of model/evaluation/dataset.h. As in the reference, the pictures are the test split of an
// auxiliary data set: the training splits of MVTec and VisA have no defects. What cannot be used is left out, named and
// counted; what is missing altogether, defects or their masks, is an error.
//
//   auto set = OpenTrainingSet({{.path = "data/mvtec"}}, {}, [](int64_t done, int64_t total) {});
//   for (const BadPicture& bad : set->bad) std::cerr << bad.Sentence() << "\n";
#ifndef BAYESPFL_MODEL_TRAINING_DATA_TRAINING_SET_H_
#define BAYESPFL_MODEL_TRAINING_DATA_TRAINING_SET_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/evaluation/dataset.h"
#include "model/image/picture_reading.h"
#include "model/training_data/labelled_picture.h"

namespace bayespfl {

// The longest side of a training picture, pixels: a mosaic is twice as long, and is rotated (kMaxRotatedSide).
inline constexpr int kMaxTrainingSide = 16'383;

struct TrainingSource {
  std::filesystem::path path = {};  // a data set's folder or CSV file
  DatasetOptions options = {};
  PictureReading reading = {};
};

// A picture that is trained on.
struct TrainingItem {
  size_t source = 0;                           // into TrainingSet::datasets
  DatasetItem item = {};                       // with its masks, when it is anomalous
  std::string digest = {};                     // SHA-256 over its files, ItemFiles::Digest(), hexadecimal
  std::vector<std::string> file_digests = {};  // ItemFiles::FileDigests()
};

// A picture that is left out.
struct BadPicture {
  std::string dataset = {};  // Dataset::name
  std::string image = {};    // DatasetItem::image
  std::string reason = {};

  // "DATASET: IMAGE: REASON". Names of files may hold anything (EscapeControls() of base/utf8.h).
  [[nodiscard]] std::string Sentence() const;
};

struct TrainingSet {
  std::vector<Dataset> datasets = {};         // in the order of the sources; their `items` are empty: see below
  std::vector<PictureReading> readings = {};  // of each data set
  std::vector<TrainingItem> items = {};       // by data set, then as there: by category and name
  std::vector<BadPicture> bad = {};           // likewise
  int64_t normal = 0;                         // items
  int64_t anomalous = 0;                      // items

  // What decides about an item's pixels: its digest, with how its data set is read where that is not the usual way.
  [[nodiscard]] std::string PixelDigest(const TrainingItem& item) const;
  // "DATASET/CATEGORY", and the data set's number before it where several have this name: unique in this set.
  [[nodiscard]] std::string CategoryOf(const TrainingItem& item) const;

  // A line of JSON for each item, with a line break: dataset, image, masks (list), category, defect, anomalous, sha256
  // of the picture's file, mask_sha256 (list); and significant_bits, apply_orientation where pictures are not read in
  // the usual way. What goes into a trained package.
  [[nodiscard]] std::string DataList() const;
  // SHA-256 of DataList(), hexadecimal: two runs with the same one have seen the same pictures under the same labels.
  [[nodiscard]] std::string Digest() const;
};

// How many pictures of `set` are also in `other`, whatever their files and categories are called.
int64_t SharedPictures(const TrainingSet& set, const TrainingSet& other);
// How many are in it more often than once, the first ones not counted.
int64_t RepeatedPictures(const TrainingSet& set);

struct TrainingSetOptions {
  int threads = 1;  // that read pictures, >= 1
};

// Told how many of all pictures have been read, from one thread at a time.
using ReadingObserver = std::function<void(int64_t done, int64_t total)>;

// Lists the data sets and reads every picture and mask once. A picture is bad when a file of it is missing or cannot be
// read, when it is too large (kMaxTrainingSide), when it is anomalous and has no mask, one of another size or one that
// marks nothing: the network would learn that the defect is none.
// Errors: of OpenDataset(); InvalidArgument: no source, a data set without masks or without an anomalous picture, or
// nothing anomalous is left of one that has some, with the reason of the first. Which set it is stands in the message.
// Throws std::bad_alloc for a picture that memory does not suffice for.
absl::StatusOr<TrainingSet> OpenTrainingSet(const std::vector<TrainingSource>& sources,
                                            const TrainingSetOptions& options, const ReadingObserver& observer);

// Reads a picture of the set again. DataLoss: its files are no longer those that were checked, by their digest. Errors
// name the file. Thread-safe.
absl::StatusOr<LabelledPicture> LoadPicture(const TrainingSet& set, const TrainingItem& item);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_TRAINING_SET_H_
