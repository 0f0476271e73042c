#include "model/detection/device_errors.h"

#include <stdexcept>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

TEST(CatchDeviceErrorsTest, GivesWhatTheCallReturns) {
  const absl::Status status =
      CatchDeviceErrors(absl::StatusCode::kInternal, "failed", [] { return absl::DataLossError("no tensor"); });

  EXPECT_EQ(status, absl::DataLossError("no tensor"));
}

TEST(CatchDeviceErrorsTest, AnExceptionBecomesAStatusWithItsFirstLine) {
  const absl::Status status = CatchDeviceErrors(absl::StatusCode::kInternal, "the device failed", []() -> absl::Status {
    throw std::runtime_error("out of memory\nframe #0: somewhere\nframe #1: elsewhere");
  });

  EXPECT_EQ(status, absl::InternalError("the device failed: out of memory"));
}

}  // namespace
}  // namespace bayespfl
