#include "model/tools/replay.h"

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "model/image/picture_files.h"
#include "model/inspector/inspector.h"
#include "model/inspector/replay.h"
#include "model/tools/compute.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

constexpr int kMostThreads = 1024;
constexpr absl::string_view kThreadsKey = " threads=";

absl::StatusOr<Inspection> Recorded(const ReplayArguments& arguments, std::istream& in) {
  if (arguments.line_file == "-") return ReadRecordedResult(in, "standard input", arguments.result_id);
  errno = 0;
  std::ifstream file(arguments.line_file);
  if (!file) return FileError("open", arguments.line_file, errno);
  return ReadRecordedResult(file, arguments.line_file, arguments.result_id);
}

// The threads of "libtorch 2.11.0 AVX512 threads=2", by which sums are parted; 0: it names none.
int ThreadsOf(absl::string_view kernels) {
  const size_t at = kernels.find(kThreadsKey);
  int threads = 0;
  const bool named =
      at != absl::string_view::npos && absl::SimpleAtoi(kernels.substr(at + kThreadsKey.size()), &threads);
  return named && threads >= 1 && threads <= kMostThreads ? threads : 0;
}

// What the recorded frame was given, defaults included.
CategoryRequest RequestOf(const Inspection& recorded) {
  return {.category = recorded.category,
          .object = recorded.object,
          .samples = recorded.provenance.samples,
          .seed = recorded.provenance.seed};
}

// The line's, unless another one is asked for. One that this program does not know is the comparison's to tell.
std::optional<Precision> PrecisionOf(const ReplayArguments& arguments, const Inspection& recorded) {
  if (arguments.precision.has_value()) return arguments.precision;
  const absl::StatusOr<Precision> precision = ParsePrecision(recorded.provenance.precision);
  return precision.ok() ? std::optional<Precision>(*precision) : std::nullopt;
}

absl::StatusOr<Inspection> Again(const Inspector& inspector, const Inspection& recorded, const std::string& picture) {
  const PictureIdentity& identity = recorded.provenance.picture;
  absl::StatusOr<InspectedPicture> inspected =
      inspector.Inspect({.bytes = {reinterpret_cast<const uint8_t*>(picture.data()), picture.size()},
                         .raw = identity.raw,
                         .significant_bits = identity.significant_bits,
                         .apply_orientation = identity.apply_orientation},
                        RequestOf(recorded), {.mask_threshold = recorded.mask_threshold});
  if (!inspected.ok()) return inspected.status();
  return std::move(inspected->inspection);
}

}  // namespace

int RunReplay(const ReplayArguments& arguments, std::istream& in, std::ostream& out) {
  const absl::StatusOr<Inspection> recorded = Recorded(arguments, in);
  if (!recorded.ok()) return Fail(recorded.status().message());
  const absl::StatusOr<std::string> picture = ReadPictureFile(arguments.picture);
  if (!picture.ok()) return Fail(picture.status().message());
  const std::string complaint = PictureComplaint(recorded->provenance.picture, Sha256Hex(*picture));
  if (!complaint.empty()) out << EscapeControls(arguments.picture) << ": " << complaint << std::endl;

  const int threads = arguments.threads > 0 ? arguments.threads : ThreadsOf(recorded->provenance.kernels);
  UseThreads(threads);
  const std::string& kernels = recorded->provenance.kernels;
  // On another kind of processor the comparison says so.
  const auto inspector =
      Inspector::Create(arguments.model_dir,
                        {.device = arguments.device,
                         .calibration_file = arguments.calibration_file,
                         .kernels = CheckKernels(kernels).ok() ? kernels : std::string(kUsualKernels),
                         .precision = PrecisionOf(arguments, *recorded)},
                        BAYESPFL_VERSION);
  if (!inspector.ok()) return Fail(inspector.status().message());
  SayDevice((*inspector)->info());
  const absl::StatusOr<Inspection> now = Again(**inspector, *recorded, *picture);
  if (!now.ok()) return Fail(absl::StrCat(arguments.picture, ": ", now.status().message()));
  const Comparison comparison = Compare(*recorded, *now);
  out << ReplayText(*recorded, comparison);
  // With "first" the image-agnostic draws are of the first frame that the server ever saw.
  if (comparison.agreement == Agreement::kDifferent && (*inspector)->info().iad_sampling != "request") {
    out << "  the package draws once for all frames (iad_sampling \"" << (*inspector)->info().iad_sampling
        << "\"): only the first frame of a server can be computed again\n";
  }
  out.flush();
  return ReplayExitOf(comparison.agreement);
}

void AddReplayCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<ReplayArguments>();
  ReplayArguments& replay = *shared;
  CLI::App* command = app.add_subcommand("replay", "Computes a line of the server's result log again and compares.");
  command->add_option("line", replay.line_file, "File with one line of the result log; \"-\": standard input")
      ->required();
  command->add_option("picture", replay.picture, "The picture's bytes, as they were sent")->required();
  command->add_option("--result-id", replay.result_id, "Which line of a whole log");
  command->add_option("--model", replay.model_dir, "Folder of the model package")->required();
  command->add_option("--calibration", replay.calibration_file,
                      "Thresholds of categories, instead of the package's calibration.json");
  command->add_option("--device", replay.device, "auto, cpu or cuda:N")->capture_default_str();
  command->add_option("--threads", replay.threads, "Threads of the processor (default: as many as the line says)")
      ->check(CLI::Range(1, kMostThreads));
  AddPrecision(*command, replay.precision, "the line's");
  command->footer("Exit codes: 0 equal to the bit or within the documented tolerance; 1 an error; 2 different.");
  command->callback([shared, &exit_code] { exit_code = RunReplay(*shared, std::cin, std::cout); });
}

}  // namespace bayespfl
