#include "model/tools/bench.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/files.h"
#include "base/number_range.h"
#include "base/progress.h"
#include "base/utf8.h"
#include "model/bench/bench_report.h"
#include "model/bench/measure.h"
#include "model/detection/detector.h"
#include "model/package/model_package.h"
#include "model/tools/compute.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

constexpr int kMostThreads = 1024;
constexpr int kMostRepeats = 1000;
constexpr double kMostSeconds = 86'400;

// Before minutes of work, so that they are not for nothing. Makes the folders above the file, as writing it would.
absl::Status CheckWritable(const std::string& file) {
  if (file.empty()) return absl::OkStatus();
  std::error_code error;
  if (fs::is_directory(file, error)) return absl::InvalidArgumentError(absl::StrCat(file, " is a folder"));
  const fs::path folder = fs::absolute(file).parent_path();
  fs::create_directories(folder, error);
  if (error) return FileError("create", folder, error.value());
  if (access(folder.c_str(), W_OK | X_OK) != 0) return FileError("write into", folder, errno);
  return absl::OkStatus();
}

BenchReport Heading(const BenchArguments& arguments, const Machine& machine, int threads) {
  return {.date = absl::Now(),
          .program = BAYESPFL_VERSION,
          .machine = machine,
          .library = LibraryText(),
          .threads = threads,
          .object = kBenchObject,
          .picture_width = kBenchPictureWidth,
          .picture_height = kBenchPictureHeight,
          .repeats = arguments.repeats,
          .seconds = arguments.seconds};
}

class Bench {
 public:
  Bench(const BenchArguments& arguments, ModelPackage package, std::ostream& out)
      : arguments_(arguments), package_(std::move(package)), out_(out) {
    sizes_ = arguments.sizes;
    if (sizes_.empty()) sizes_.push_back(static_cast<int>(package_.config.image_size));
  }

  absl::StatusOr<int> Run() {
    for (const int size : sizes_) {
      if (absl::Status status = CheckImageSize(package_.config, size); !status.ok()) return status;
    }
    const absl::StatusOr<std::vector<BenchForm>> forms =
        FormsOf({.kernels = arguments_.kernels, .prompts = arguments_.prompts, .precisions = arguments_.precisions});
    if (!forms.ok()) return forms.status();
    cases_ =
        CasesOf(arguments_.batches,
                arguments_.samples.empty() ? std::vector<int>{package_.config.samples} : arguments_.samples, *forms);
    const Machine machine = ThisMachine();
    const int threads = arguments_.threads > 0 ? arguments_.threads : machine.processors;
    UseThreads(threads);
    report_ = Heading(arguments_, machine, threads);
    for (const int size : sizes_) {
      if (absl::Status status = Measure(size); !status.ok()) return status;
    }
    report_.peak_memory = memory_.Highest();
    out_ << "\n" << AgreementSentence(report_) << std::endl;
    if (!arguments_.json_file.empty()) {
      if (absl::Status status = WriteFile(arguments_.json_file, BenchJson(report_)); !status.ok()) return status;
    }
    return AllAgree(report_) ? 0 : kFormsDisagree;
  }

 private:
  absl::Status Measure(int size) {
    package_.config.image_size = size;
    // Every case once to warm up, then in turns.
    const auto runs = static_cast<int64_t>(cases_.size()) * (1 + arguments_.repeats);
    Progress progress(std::cerr, {.what = absl::StrCat("runs at ", size, " px, at most"),
                                  .total = runs,
                                  .terminal = StandardErrorIsTerminal(),
                                  .only_on_terminal = true});
    absl::StatusOr<SizeMeasurement> measured =
        MeasureSize(package_, cases_, {.turns = arguments_.repeats, .time = absl::Seconds(arguments_.seconds)}, memory_,
                    [&] { progress.Advance(); });
    progress.Clear();
    if (!measured.ok()) return measured.status();
    report_.model = std::move(measured->model);
    report_.tokens = measured->tokens;
    report_.sizes.push_back(std::move(measured->result));
    if (report_.sizes.size() == 1) PrintBenchHeading(report_, out_);
    PrintBenchTable(report_.sizes.back(), out_);
    return absl::OkStatus();
  }

  const BenchArguments& arguments_;
  ModelPackage package_;
  std::ostream& out_;
  std::vector<int> sizes_;
  std::vector<BenchCase> cases_;
  MemoryWatch memory_;
  BenchReport report_;
};

// An option whose text is a list that `parse` reads into `values`.
template <typename T, typename Parse>
CLI::Option* AddList(CLI::App& command, const std::string& name, std::vector<T>& values, const std::string& about,
                     Parse parse) {
  return command
      .add_option_function<std::string>(
          name, [&values, parse](const std::string& text) { values = *parse(text); }, about)
      ->check([parse](const std::string& text) {
        const absl::StatusOr<std::vector<T>> parsed = parse(text);
        return parsed.ok() ? std::string() : EscapeControls(parsed.status().message());
      });
}

auto Numbers(absl::string_view what, int lowest, int highest) {
  return [what, lowest, highest](const std::string& text) { return ParseNumberList(text, what, lowest, highest); };
}

void AddCases(CLI::App& command, BenchArguments& bench) {
  AddList(command, "--batch", bench.batches, "Frames that are computed together (default: 1)",
          Numbers("batch", 1, kMostBenchFrames));
  AddList(command, "--samples", bench.samples, "Draws of the prompt distributions (default: the package's)",
          Numbers("number of samples", 1, kMaxSamples));
  AddList(command, "--size", bench.sizes,
          "Sides of the pictures at the model, pixels: multiples of its patch size (default: the package's)",
          Numbers("size", 1, kLargestImageSize));
  AddList(command, "--kernels", bench.kernels,
          "auto, or \"linear=torch|onednn|avx512_bf16 attention=torch|plain|avx2|avx512|avx512_bf16\" (default: each "
          "saving on and off)",
          ParseKernelsList);
  AddList(command, "--prompts", bench.prompts, "shared, whole (default: both)", ParsePromptsList);
  AddList(command, "--precision", bench.precisions, "fp32, bf16, int8 (default: fp32)", ParsePrecisionList);
}

}  // namespace

int RunBench(const BenchArguments& arguments, std::ostream& out) {
  if (absl::Status status = CheckWritable(arguments.json_file); !status.ok()) return Fail(status.message());
  absl::StatusOr<ModelPackage> package = ModelPackage::Open(arguments.model_dir, {.ignore_calibration = true});
  if (!package.ok()) return Fail(package.status().message());
  const absl::StatusOr<int> exit_code = Bench(arguments, *std::move(package), out).Run();
  return exit_code.ok() ? *exit_code : Fail(exit_code.status().message());
}

void AddBenchCommand(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("bench", "Measures how fast a package is here, and what each saving saves.");
  const auto shared = std::make_shared<BenchArguments>();
  BenchArguments& bench = *shared;
  command->add_option("--model", bench.model_dir, "Folder of the model package")->required();
  AddCases(*command, bench);
  command->add_option("--threads", bench.threads, "Threads of the processor (default: those that it may use)")
      ->check(CLI::Range(1, kMostThreads));
  command->add_option("--repeats", bench.repeats, "Turns in which everything is measured once, at most")
      ->check(CLI::Range(1, kMostRepeats))
      ->capture_default_str();
  command->add_option("--seconds", bench.seconds, "Time of each size after which no turn begins any more")
      ->check([](const std::string& text) { return CheckNumber(text, 0, kMostSeconds); })
      ->capture_default_str();
  command->add_option("--json", bench.json_file, "Write everything into this file")->type_name("FILE");
  command->footer(
      "Lists have commas between. Everything is compared with LibTorch's own kernels in fp32 and whole prompts, "
      "which\n"
      "are always measured too. Every form of kernels is held in memory at the same time.\n"
      "Exit codes: 0; 1 it failed; 2 the scores of the forms do not agree, so that the times mean nothing.");
  command->callback([shared, &exit_code] { exit_code = RunBench(*shared, std::cout); });
}

}  // namespace bayespfl
