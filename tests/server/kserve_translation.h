// Requests on their way to frames, for the tests of each part of that way.
#ifndef BAYESPFL_TESTS_SERVER_KSERVE_TRANSLATION_H_
#define BAYESPFL_TESTS_SERVER_KSERVE_TRANSLATION_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/api/kserve_translate.h"
#include "tests/server/kserve_requests.h"

namespace bayespfl::server {

// With at most eight pictures.
inline absl::StatusOr<Inference> Translate(inference::ModelInferRequest request) {
  return InferenceFromProto(std::make_shared<const inference::ModelInferRequest>(std::move(request)),
                            {.image_limits = {}, .max_frames_in_flight = 8});
}

inline void ExpectInvalid(inference::ModelInferRequest request, const std::string& part) {
  const absl::StatusOr<Inference> inference = Translate(std::move(request));
  EXPECT_EQ(inference.status().code(), absl::StatusCode::kInvalidArgument) << part;
  EXPECT_THAT(std::string(inference.status().message()), ::testing::HasSubstr(part));
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_KSERVE_TRANSLATION_H_
