// Small data sets for tests, in MVTec's layout.
#ifndef BAYESPFL_TESTS_MODEL_TRAINING_DATA_SET_ON_DISK_H_
#define BAYESPFL_TESTS_MODEL_TRAINING_DATA_SET_ON_DISK_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "model/image/encode.h"
#include "model/image/image.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::testing {

class SetOnDisk {
 public:
  static constexpr int kSide = 8;  // of every picture, pixels

  [[nodiscard]] std::filesystem::path root() const { return std::filesystem::path(folder_.path()) / "parts"; }
  void Put(const std::string& name, absl::string_view bytes) const { folder_.Write("parts/" + name, bytes); }
  void Remove(const std::string& name) const { std::filesystem::remove(root() / name); }

  // A gray picture; `value` tells pictures apart.
  void PutPicture(const std::string& name, uint8_t value, int side = kSide) const {
    const RgbImage picture{side, side, std::vector<uint8_t>(3 * Pixels(side), value)};
    Put(name, EncodePng(picture).value());
  }
  // The upper left quarter is marked, or nothing.
  void PutMask(const std::string& name, bool marked = true, int side = kSide) const {
    const auto row = static_cast<size_t>(side);
    std::vector<uint8_t> mask(Pixels(side));
    for (int y = 0; marked && y < side / 2; ++y) {
      for (int x = 0; x < side / 2; ++x) mask[static_cast<size_t>(y) * row + static_cast<size_t>(x)] = 255;
    }
    Put(name, EncodePng(PngSamples::kGray8, side, side, mask).value());
  }
  void PutGood(const std::string& category, const std::string& name, uint8_t value) const {
    PutPicture(category + "/test/good/" + name + ".png", value);
  }
  void PutDefect(const std::string& category, const std::string& name, uint8_t value) const {
    PutPicture(category + "/test/dent/" + name + ".png", value);
    PutMask(category + "/ground_truth/dent/" + name + "_mask.png");
  }
  // Two categories: "bolt" with three good pictures and five with dents, "nut" with two and two.
  void PutParts() const {
    for (const int i : {0, 1, 2}) PutGood("bolt", std::to_string(i), static_cast<uint8_t>(10 + i));
    for (const int i : {0, 1, 2, 3, 4}) PutDefect("bolt", std::to_string(i), static_cast<uint8_t>(100 + 10 * i));
    for (const int i : {0, 1}) PutGood("nut", std::to_string(i), static_cast<uint8_t>(20 + i));
    for (const int i : {0, 1}) PutDefect("nut", std::to_string(i), static_cast<uint8_t>(200 + 10 * i));
  }

 private:
  static size_t Pixels(int side) { return static_cast<size_t>(side) * static_cast<size_t>(side); }

  TemporaryFolder folder_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_TRAINING_DATA_SET_ON_DISK_H_
