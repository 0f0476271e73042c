#include "model/detection/device_errors.h"

#include <new>
#include <stdexcept>
#include <string>

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
    throw std::runtime_error("an illegal address\nframe #0: somewhere\nframe #1: elsewhere");
  });

  EXPECT_EQ(status, absl::InternalError("the device failed: an illegal address"));
}

TEST(CatchDeviceErrorsTest, TooLittleMemoryIsToldApart) {
  const auto code_of = [](auto error) {
    return CatchDeviceErrors(absl::StatusCode::kInternal, "the device failed",
                             [&error]() -> absl::Status { throw error; })
        .code();
  };

  EXPECT_EQ(code_of(std::bad_alloc()), absl::StatusCode::kResourceExhausted);
  for (const char* said :
       {"CUDA out of memory. Tried to allocate 2.00 GiB.", "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
        "OpenCV(4.6.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1 bytes in OutOfMemoryError"}) {
    EXPECT_EQ(code_of(std::runtime_error(said)), absl::StatusCode::kResourceExhausted) << said;
  }
  EXPECT_EQ(code_of(std::runtime_error("CUDA error: an illegal memory access was encountered")),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace bayespfl
