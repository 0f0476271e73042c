#include "model/tools/synthesize.h"

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/progress.h"
#include "base/utf8.h"
#include "model/synthetic/write_set.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

using synthetic::Defect;
using synthetic::Defects;
using synthetic::Families;
using synthetic::Family;

template <typename Named>
std::string Names(absl::Span<const Named> all) {
  return absl::StrJoin(all, ", ", [](std::string* out, const Named& one) { absl::StrAppend(out, one.name); });
}

absl::StatusOr<std::vector<const Family*>> ChooseFamilies(const std::vector<std::string>& names) {
  std::vector<const Family*> chosen;
  for (const std::string& name : names) {
    if (name == "surfaces" || name == "objects") {
      for (const Family& family : Families()) {
        if (family.object == (name == "objects")) chosen.push_back(&family);
      }
      continue;
    }
    const Family* const family = synthetic::FindFamily(name);
    if (family == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no family \"", name, "\"; there are surfaces, objects, ", Names(Families())));
    }
    chosen.push_back(family);
  }
  return chosen;
}

absl::StatusOr<std::vector<const Defect*>> ChooseDefects(const std::vector<std::string>& names) {
  std::vector<const Defect*> chosen;
  for (const std::string& name : names) {
    const Defect* const defect = synthetic::FindDefect(name);
    if (defect == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no defect \"", name, "\"; there are ", Names(Defects())));
    }
    chosen.push_back(defect);
  }
  return chosen;
}

int List() {
  std::printf("surfaces: %s\n", Names(synthetic::SurfaceFamilies()).c_str());
  std::printf("objects:  %s\n", Names(synthetic::ObjectFamilies()).c_str());
  std::printf("defects:  %s\n", Names(Defects()).c_str());
  return 0;
}

}  // namespace

int RunSynthesize(const SynthesizeArguments& arguments) {
  if (arguments.list) return List();
  if (arguments.output.empty()) return Fail("--output says where the pictures go");
  const absl::StatusOr<std::vector<const Family*>> families = ChooseFamilies(arguments.families);
  if (!families.ok()) return Fail(families.status().message());
  const absl::StatusOr<std::vector<const Defect*>> defects = ChooseDefects(arguments.defects);
  if (!defects.ok()) return Fail(defects.status().message());
  synthetic::SetOptions options{.families = *families,
                                .good = arguments.good,
                                .anomalous = arguments.anomalous,
                                .seed = arguments.seed,
                                .scene = {.side = arguments.side, .defects = *defects},
                                .threads = arguments.threads};
  std::optional<Progress> progress;
  int64_t written = 0;
  const absl::Status status = synthetic::WriteSet(arguments.output, options, [&](int64_t done, int64_t total) {
    if (!progress.has_value()) {
      progress.emplace(std::cerr,
                       Progress::Options{.what = "pictures", .total = total, .terminal = StandardErrorIsTerminal()});
    }
    progress->Advance();
    written = done;
  });
  progress.reset();
  if (!status.ok()) return Fail(status.message());
  std::printf("%s: %ld pictures in MVTec's layout, seed %lu\n", EscapeControls(arguments.output).c_str(),
              static_cast<long>(written), static_cast<unsigned long>(arguments.seed));
  return 0;
}

void AddSynthesizeCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<SynthesizeArguments>();
  SynthesizeArguments& arguments = *shared;
  CLI::App* command =
      app.add_subcommand("synthesize", "Makes pictures of synthetic parts with defects and their masks.");
  command->add_option("--output", arguments.output, "Folder to make; it gets MVTec's layout");
  command
      ->add_option("--families", arguments.families,
                   "Categories, parted by commas: names, or surfaces, or objects (default: all)")
      ->delimiter(',');
  command->add_option("--defects", arguments.defects, "Kinds of defects, parted by commas (default: all)")
      ->delimiter(',');
  command->add_option("--good", arguments.good, "Good pictures of each family")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_option("--anomalous", arguments.anomalous, "Pictures with a defect of each family")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_option("--side", arguments.side, "Longer side of the frame, pixels; the belt may stretch it")
      ->check(CLI::Range(64, 2048))
      ->capture_default_str();
  command->add_option("--seed", arguments.seed, "Key of all draws")->capture_default_str();
  command->add_option("--threads", arguments.threads, "Threads that make pictures")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_flag("--list", arguments.list, "Print the names of families and defects, and make nothing");
  command->callback([shared, &exit_code] { exit_code = RunSynthesize(*shared); });
}

}  // namespace bayespfl
