#include "model/tools/devices.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "model/detection/device_memory.h"
#include "model/detection/device_survey.h"

namespace bayespfl {
namespace {

constexpr int kNoGpu = 2;

std::string Row(absl::string_view name, absl::string_view value) { return absl::StrFormat("%-14s%s\n", name, value); }

std::string Gpu(int index) {
  const std::string name = absl::StrCat("cuda:", index);
  const absl::StatusOr<std::optional<int64_t>> free_bytes = FreeDeviceMemory(name);
  if (!free_bytes.ok()) return Row(name, free_bytes.status().message());
  return Row(name, absl::StrFormat("%.1f GiB free", static_cast<double>(free_bytes->value_or(0)) / (1 << 30)));
}

}  // namespace

std::string DescribeDevices(const DeviceSurvey& survey) {
  const auto or_none = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  std::string page = Row("cpu", survey.cpu);
  page += Row("NVIDIA", or_none(absl::StrJoin(survey.nvidia_devices, ", ")));
  page += Row("driver", or_none(survey.driver_version));
  page += Row("CUDA backend", survey.backend_is_installed ? survey.backend.string() : "not installed");
  if (survey.backend_is_installed) {
    page += Row("missing", or_none(absl::StrJoin(survey.missing_libraries, ", ")));
    page += Row("opens", survey.backend_opens.ok() ? "yes" : absl::StrCat("no: ", survey.backend_opens.message()));
  }
  for (int i = 0; i < survey.gpus; ++i) page += Gpu(i);
  page += Row("auto takes", survey.gpu_usable.ok() ? "cuda:0" : absl::StrCat("cpu: ", survey.gpu_usable.message()));
  return page;
}

void AddDevicesCommand(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("devices", "Shows what there is to compute on, and what a GPU would still need.");
  const auto require_gpu = std::make_shared<bool>(false);
  command->add_flag("--require-gpu", *require_gpu, "Exit with 2 when no GPU can be used");
  command->callback([require_gpu, &exit_code] {
    const DeviceSurvey survey = SurveyDevices();
    std::fputs(DescribeDevices(survey).c_str(), stdout);
    exit_code = *require_gpu && !survey.gpu_usable.ok() ? kNoGpu : 0;
  });
}

}  // namespace bayespfl
