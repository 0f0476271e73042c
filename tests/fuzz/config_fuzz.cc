// config.json and calibration.json of a package.
#include <string>

#include "model/package/calibration.h"
#include "model/package/model_config.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto calibration = bayespfl::ParseCalibration(text); calibration.ok()) {
    const std::string written = bayespfl::CalibrationText(*calibration);
    const auto again = bayespfl::ParseCalibration(written);
    bayespfl::fuzz::Check(again.ok(), "a calibration that was written cannot be read");
    bayespfl::fuzz::Check(bayespfl::CalibrationText(*again) == written, "reading and writing changes a calibration");
  }
  const auto config = bayespfl::ParseModelConfig(text);
  if (!config.ok()) return 0;
  const std::string written = bayespfl::FormatModelConfig(*config, {});
  const auto again = bayespfl::ParseModelConfig(written);
  bayespfl::fuzz::Check(again.ok(), "a configuration that was written cannot be read");
  bayespfl::fuzz::Check(bayespfl::FormatModelConfig(*again, {}) == written, "reading and writing changes it");
  return 0;
}
