#include "model/detection/finish.h"

#include <utility>

#include "model/detection/stop_watch.h"

namespace bayespfl {
namespace {

PixelMap AtItsSize(PixelMap map, const FrameSettings& settings) {
  if (settings.map_size != MapSize::kFrame) return map;
  return ResizeMap(map, settings.width, settings.height);
}

}  // namespace

Detection FinishFrame(ComputedFrame frame, double sigma) {
  StopWatch watch;
  const FrameSettings& settings = frame.settings;
  Detection detection;
  detection.score = frame.score;
  detection.score_std = frame.score_std;
  detection.map_score = HottestMean(frame.map, kHottestFraction);
  detection.seed = settings.seed;
  detection.samples = settings.samples;
  if (settings.map_size != MapSize::kNone) {
    if (settings.smooth) frame.map = SmoothMap(frame.map, sigma);
    detection.map = AtItsSize(std::move(frame.map), settings);
    if (settings.map_deviation) detection.map_std = AtItsSize(std::move(frame.map_std), settings);
  }
  detection.seconds = frame.seconds;
  detection.seconds.postprocess = watch.Lap();
  return detection;
}

}  // namespace bayespfl
