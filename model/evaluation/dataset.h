// Test sets on disk: which pictures there are, which of them are anomalous, and where their masks lie.
//
// Layouts (`<...>` stands for any name):
//
//   mvtec   <category>/test/<kind>/<name>.png          the kinds `good`, `ok` and `normal` (any case) are normal, every
//                                                      other kind is a defect; pictures may lie in folders below
//           <category>/ground_truth/<kind>/...         the masks, named as MVTec AD, MVTec LOCO, BTAD or VisA's
//                                                      one-class form have them (mask_files.h)
//   visa    split_csv/1cls.csv with the columns object,split,label,image,mask; paths relative to the data set's folder;
//           or, when there is no such file, folders without a split:
//           <category>/Data/Images/Normal/<name>.JPG
//           <category>/Data/Images/Anomaly/<name>.JPG
//           <category>/Data/Masks/Anomaly/<name>.png
//   csv     a file with the columns image,category,label and, where there are any, mask, defect and split; paths
//           relative to the file's folder; label 0, normal, good or ok; 1, anomalous, anomaly or defective (any case)
//
// Which files of a folder are pictures, and what is left out and counted, is as everywhere
// (model/image/picture_files.h). A data set without a single mask is an image-only one, as HeadCT, BrainMRI and Br35H
// are in the paper.
#ifndef BAYESPFL_MODEL_EVALUATION_DATASET_H_
#define BAYESPFL_MODEL_EVALUATION_DATASET_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/image/picture_files.h"

namespace bayespfl {

enum class DatasetLayout {
  kAuto,         // only a wish: a data set that was opened has one of the others
  kMvtec,        //
  kVisa,         // only a wish: split table if there is one, else folders
  kVisaTable,    // VisA with split_csv/1cls.csv
  kVisaFolders,  // VisA without
  kCsv,
};

// "MVTec folders", "VisA split table", ...; for people.
absl::string_view LayoutTitle(DatasetLayout layout);

struct DatasetItem {
  std::string image = {};               // the file as the data set names it, relative to `Dataset::root`
  std::vector<std::string> masks = {};  // likewise, whose marks count together; empty: no mask is named
  std::string category = {};
  std::string defect = {};  // kind of defect where the data set tells, else empty; "good" never
  bool anomalous = false;
};

struct Dataset {
  std::string name = {};  // last part of the path: "mvtec", "visa", "pictures.csv"
  std::filesystem::path root = {};
  DatasetLayout layout = DatasetLayout::kMvtec;
  std::string split = {};               // the split that was taken; empty: the layout has none and every picture counts
  bool image_only = false;              // no picture has a mask
  std::vector<DatasetItem> items = {};  // by category, then by picture, in byte order; never empty
  LeftOut left_out = {};                // what the folders hold besides pictures
};

inline constexpr char kUsualSplit[] = "test";

struct DatasetOptions {
  DatasetLayout layout = DatasetLayout::kAuto;
  std::string split = kUsualSplit;           // a folder's or a column's name
  std::vector<std::string> categories = {};  // empty: all
  int64_t limit = 0;  // most pictures of a category, taken evenly over its list, so that every kind stays; 0: all
};

// Lists the data set at `path` (a folder or a CSV file); opens no picture. Deterministic.
// NotFound: no such file or folder, or no picture of that split. InvalidArgument: a folder of no known layout (the
// message says what was looked for), of two layouts at once, an unknown category (the message lists those there are), a
// broken CSV (with the line), another split than the usual one of a data set that has no splits.
absl::StatusOr<Dataset> OpenDataset(const std::filesystem::path& path, const DatasetOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_DATASET_H_
