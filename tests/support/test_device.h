// On which device tests compute.
#ifndef BAYESPFL_TESTS_SUPPORT_TEST_DEVICE_H_
#define BAYESPFL_TESTS_SUPPORT_TEST_DEVICE_H_

#include <cstdlib>
#include <string>

namespace bayespfl::testing {

// What TEST_DEVICE in the environment names, as ResolveDevice() (model/detection/device.h) takes it; "cpu" without it.
// For every test that would hold on any device. One that is about the CPU alone names "cpu", and says why. Thread-safe
// as long as nobody changes the environment.
inline std::string TestDevice() {
  const char* const name = std::getenv("TEST_DEVICE");
  return name == nullptr || *name == '\0' ? "cpu" : name;
}

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_TEST_DEVICE_H_
