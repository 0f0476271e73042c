// TestDevice() for tests of what is below the detector, which takes LibTorch's devices.
#ifndef BAYESPFL_TESTS_SUPPORT_TORCH_TEST_DEVICE_H_
#define BAYESPFL_TESTS_SUPPORT_TORCH_TEST_DEVICE_H_

#include "model/detection/device.h"
#include "model/libtorch.h"
#include "tests/support/test_device.h"

namespace bayespfl::testing {

// Ready for use: its backend is open. Throws, which fails the test, when it cannot be used; the exception says why.
inline torch::Device TorchTestDevice() { return ResolveDevice(TestDevice()).value(); }

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_TORCH_TEST_DEVICE_H_
