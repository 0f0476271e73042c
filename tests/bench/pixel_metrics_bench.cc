// Time and memory of the pooled pixel metrics at the size of a large category. Not a test: ctest does not run it.
//
//   pixel_metrics_bench [pictures=1000] [side=518] [scratch folder=/tmp]
//
// Prints pictures, pixels, the seconds spent in Add() and in Finish(), and the peak resident memory. Every pixel has a
// score of its own, spread over about twenty powers of two as softmax outputs are: the worst case for counting.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "model/detection/pixel_map.h"
#include "model/evaluation/pixel_metrics.h"

namespace bayespfl {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

double PeakMebibytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;  // Linux counts in KiB
}

struct Picture {
  PixelMap map;
  std::vector<uint8_t> mask;
};

void DrawDisc(int side, std::mt19937& random, std::vector<uint8_t>& mask) {
  std::uniform_int_distribution<int> place(0, side - 1);
  const int radius = 1 + static_cast<int>(random() % 24);
  const int x0 = place(random);
  const int y0 = place(random);
  for (int y = std::max(0, y0 - radius); y < std::min(side, y0 + radius); ++y) {
    for (int x = std::max(0, x0 - radius); x < std::min(side, x0 + radius); ++x) {
      if ((x - x0) * (x - x0) + (y - y0) * (y - y0) < radius * radius) mask[static_cast<size_t>(y * side + x)] = 1;
    }
  }
}

// Every other picture has three defects. Scores are 2^-(20 u^2) with uniform u, smaller u inside defects.
void Draw(int side, bool anomalous, std::mt19937& random, Picture& picture) {
  const auto pixels = static_cast<size_t>(side) * static_cast<size_t>(side);
  picture.map.width = side;
  picture.map.height = side;
  picture.map.values.resize(pixels);
  picture.mask.assign(pixels, 0);
  for (int disc = 0; anomalous && disc < 3; ++disc) DrawDisc(side, random, picture.mask);
  for (size_t i = 0; i < pixels; ++i) {
    const float u = static_cast<float>(random()) * 0x1p-32F * (picture.mask[i] != 0 ? 0.6F : 1.0F);
    picture.map.values[i] = std::exp2(-20 * u * u);
  }
}

int Run(int pictures, int side, const std::string& scratch_dir) {
  auto accumulator = PixelMetricsAccumulator::Create(scratch_dir);
  if (!accumulator.ok()) {
    std::cerr << accumulator.status() << "\n";
    return EXIT_FAILURE;
  }
  std::mt19937 random(1);
  Picture picture;
  Clock::duration add_time{};
  for (int i = 0; i < pictures; ++i) {
    Draw(side, i % 2 == 1, random, picture);
    const auto start = Clock::now();
    const absl::Status added = (*accumulator)->Add(picture.map, picture.mask);
    add_time += Clock::now() - start;
    if (!added.ok()) {
      std::cerr << added << "\n";
      return EXIT_FAILURE;
    }
  }
  const auto start = Clock::now();
  const absl::StatusOr<PixelMetrics> metrics = (*accumulator)->Finish();
  const Clock::duration finish_time = Clock::now() - start;
  if (!metrics.ok()) {
    std::cerr << metrics.status() << "\n";
    return EXIT_FAILURE;
  }
  std::cout << "pictures " << metrics->pictures << ", pixels " << metrics->pixels << ", regions " << metrics->regions
            << "\nadd " << Seconds(add_time) << " s, finish " << Seconds(finish_time) << " s, total "
            << Seconds(add_time + finish_time) << " s, peak RSS " << PeakMebibytes() << " MiB\nAUROC "
            << metrics->ranking.auroc.value_or(NAN) << ", AP " << metrics->ranking.average_precision.value_or(NAN)
            << ", F1-max " << metrics->ranking.f1_max.value_or(NAN) << ", IoU " << metrics->iou.value_or(NAN)
            << ", AUPRO " << metrics->aupro.value_or(NAN) << "\n";
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace bayespfl

int main(int argc, char** argv) {
  const int pictures = argc > 1 ? std::atoi(argv[1]) : 1000;
  const int side = argc > 2 ? std::atoi(argv[2]) : 518;
  const std::string scratch_dir = argc > 3 ? argv[3] : "/tmp";
  if (pictures < 1 || side < 1) {
    std::cerr << "usage: pixel_metrics_bench [pictures] [side] [scratch folder]\n";
    return EXIT_FAILURE;
  }
  return bayespfl::Run(pictures, side, scratch_dir);
}
