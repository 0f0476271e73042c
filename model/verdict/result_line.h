// A result as one JSON object: the part of a line of the server's result log, and of what client and tools print with
// --json, that is the same for all of them. docs/operations.md lists the keys.
#ifndef BAYESPFL_MODEL_VERDICT_RESULT_LINE_H_
#define BAYESPFL_MODEL_VERDICT_RESULT_LINE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/verdict/inspection.h"
#include "nlohmann/json.hpp"

namespace bayespfl {

// "result_id", "category", "object", "verdict", "decided_by", "score", "score_std", "map_score", "mixed_score",
// "mask_threshold", "mask_area_fraction", "largest_region_fraction", "frame_width", "frame_height", "thresholds",
// "provenance". What is absent is null. Numbers have the fewest digits that give the same float back. Neither regions
// nor timings. Thread-safe, as everything here.
nlohmann::ordered_json ResultToJson(const Inspection& inspection);

// The same keys, each null: for a frame without a result.
nlohmann::ordered_json NoResultToJson();

// The regions of a result: an array of objects "box" [x, y, width, height], "area_pixels", "area_fraction", "peak",
// "mean", "centroid" [x, y], "contour" [[x, y], ...], in pixels of the frame.
nlohmann::ordered_json RegionsToJson(const std::vector<Region>& regions);

// "source", "revision", "mask", "min_region_fraction", "lines": an object with "review" and "fail" for each rule.
nlohmann::ordered_json ThresholdsToJson(const Thresholds& thresholds);

// "queue": seconds, ... in the order of a frame's way.
nlohmann::ordered_json TimingsToJson(const std::vector<StageTiming>& timings);

// The result in a line that ResultToJson() is a part of; other keys are not looked at. InvalidArgument: no JSON object,
// a key that is missing or has a value it cannot have (the message names it), or a line without a result (its code is
// not OK).
absl::StatusOr<Inspection> ParseResultLine(absl::string_view line);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_RESULT_LINE_H_
