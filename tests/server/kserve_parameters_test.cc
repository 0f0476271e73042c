#include "server/api/kserve_parameters.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "tests/server/kserve_translation.h"

namespace bayespfl::server {
namespace {

using inference::InferParameter;
using inference::ModelInferRequest;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(KserveParametersTest, AbsentParametersBecomeTheDefaults) {
  const absl::StatusOr<Inference> inference = Translate(MakeKserveRequest({"one"}));

  ASSERT_TRUE(inference.ok()) << inference.status();
  const FrameRequest& frame = inference->frames[0];
  EXPECT_FALSE(frame.options.category.object.has_value());
  EXPECT_FALSE(frame.options.category.samples.has_value());
  EXPECT_FALSE(frame.options.category.seed.has_value());
  EXPECT_FALSE(frame.options.judge.mask_threshold.has_value());
  EXPECT_EQ(frame.options.priority, Priority::kNormal);
  EXPECT_FALSE(frame.image.significant_bits.has_value());
  EXPECT_EQ(frame.options.anomaly_map, MapEncoding::kNone);
  EXPECT_EQ(frame.options.mask, MaskEncoding::kNone);
  EXPECT_EQ(frame.deadline, absl::InfiniteFuture());
}

TEST(KserveParametersTest, GivenParametersAreTaken) {
  ModelInferRequest request = MakeKserveRequest({"one", "two"});
  auto& parameters = *request.mutable_parameters();
  parameters["object"].set_string_param(" printed circuit board\n");
  parameters["samples"].set_int64_param(64);
  parameters["seed"].set_uint64_param(std::numeric_limits<uint64_t>::max());
  parameters["mask_threshold"].set_double_param(0.25);
  parameters["resolution"].set_string_param("frame");
  parameters["apply_orientation"].set_bool_param(true);
  parameters["priority"].set_string_param("high");
  parameters["significant_bits"].set_int64_param(12);
  parameters["timeout"].set_int64_param(3'600'000'000);
  const absl::Time before = absl::Now();

  const absl::StatusOr<Inference> inference = Translate(request);

  ASSERT_TRUE(inference.ok()) << inference.status();
  for (const FrameRequest& frame : inference->frames) {
    EXPECT_EQ(frame.options.category.object, "printed circuit board");
    EXPECT_EQ(frame.options.category.samples, 64);
    EXPECT_EQ(frame.options.category.seed, std::numeric_limits<uint64_t>::max());
    EXPECT_EQ(frame.options.judge.mask_threshold, 0.25F);
    EXPECT_EQ(frame.options.resolution, MapSize::kFrame);
    EXPECT_TRUE(frame.image.apply_orientation);
    EXPECT_EQ(frame.options.priority, Priority::kHigh);
    EXPECT_EQ(frame.image.significant_bits, 12);
    EXPECT_GE(frame.deadline, before + absl::Hours(1));
    EXPECT_LE(frame.deadline, absl::Now() + absl::Hours(1));
  }
}

TEST(KserveParametersTest, PriorityByNumberIsTritons) {
  const std::vector<std::pair<uint64_t, Priority>> expected = {
      {0, Priority::kNormal}, {1, Priority::kHigh}, {2, Priority::kNormal}, {3, Priority::kLow}, {99, Priority::kLow}};
  for (const auto& [number, priority] : expected) {
    ModelInferRequest request = MakeKserveRequest({"one"});
    (*request.mutable_parameters())["priority"].set_uint64_param(number);
    const absl::StatusOr<Inference> inference = Translate(request);
    ASSERT_TRUE(inference.ok()) << inference.status();
    EXPECT_EQ(inference->frames[0].options.priority, priority) << number;
  }
}

struct BadParameter {
  const char* key;
  InferParameter value;
};

InferParameter Integer(int64_t value) {
  InferParameter parameter;
  parameter.set_int64_param(value);
  return parameter;
}
InferParameter Number(double value) {
  InferParameter parameter;
  parameter.set_double_param(value);
  return parameter;
}
InferParameter Text(const std::string& value) {
  InferParameter parameter;
  parameter.set_string_param(value);
  return parameter;
}

TEST(KserveParametersTest, RejectsBadParametersByNameWithoutRepeatingThem) {
  const std::vector<BadParameter> cases = {{"object", Text("")},
                                           {"object", Text(" \t")},
                                           {"object", Text(std::string(257, 'a'))},
                                           {"object", Text("7seven\xFF")},
                                           {"object", Integer(1)},
                                           {"samples", Integer(0)},
                                           {"samples", Integer(65)},
                                           {"samples", Number(3)},
                                           {"samples", InferParameter()},
                                           {"seed", Integer(-1)},
                                           {"seed", Text("7seven")},
                                           {"mask_threshold", Number(1.01)},
                                           {"mask_threshold", Number(-0.01)},
                                           {"mask_threshold", Number(std::nan(""))},
                                           {"mask_threshold", Integer(2)},
                                           {"resolution", Text("7seven")},
                                           {"resolution", Integer(1)},
                                           {"apply_orientation", Integer(1)},
                                           {"apply_orientation", Text("7seven")},
                                           {"priority", Text("7seven")},
                                           {"priority", Integer(-1)},
                                           {"significant_bits", Integer(8)},
                                           {"significant_bits", Integer(17)},
                                           {"significant_bits", Text("7seven")},
                                           {"timeout", Integer(-1)},
                                           {"timeout", Text("7seven")}};
  for (const BadParameter& bad : cases) {
    ModelInferRequest request = MakeKserveRequest({"one"});
    (*request.mutable_parameters())[bad.key] = bad.value;
    const absl::StatusOr<Inference> inference = Translate(request);
    EXPECT_EQ(inference.status().code(), absl::StatusCode::kInvalidArgument) << bad.key;
    EXPECT_THAT(std::string(inference.status().message()),
                AllOf(HasSubstr("parameter " + std::string(bad.key) + ": expected"), Not(HasSubstr("7seven"))));
  }
}

TEST(KserveParametersTest, SignificantBitsAreForFilesNotForPixelsOf8Bits) {
  ModelInferRequest request = MakePixelRequest({4, 6, 3});
  (*request.mutable_parameters())["significant_bits"].set_int64_param(12);

  ExpectInvalid(request, "parameter significant_bits: it is for files with 16-bit samples");
}

TEST(KserveParametersTest, RejectsAnUnknownParameterWithoutRepeatingIt) {
  ModelInferRequest request = MakeKserveRequest({"one"});
  (*request.mutable_parameters())["7seven"].set_bool_param(true);

  const absl::StatusOr<Inference> inference = Translate(request);

  EXPECT_THAT(std::string(inference.status().message()),
              AllOf(HasSubstr("a parameter that is not served"), Not(HasSubstr("7seven"))));
}

}  // namespace
}  // namespace bayespfl::server
