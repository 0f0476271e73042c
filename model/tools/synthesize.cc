#include "model/tools/synthesize.h"

#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/progress.h"
#include "base/utf8.h"
#include "model/image/picture_flags.h"
#include "model/synthetic/photographs.h"
#include "model/synthetic/write_set.h"
#include "model/tools/failure.h"

namespace bayespfl {
namespace {

using synthetic::BadPhotograph;
using synthetic::Defect;
using synthetic::Defects;
using synthetic::Families;
using synthetic::Family;
using synthetic::OpenPhotographs;
using synthetic::Photographs;

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

// Defects that can be drawn on photographs: of those that were chosen, if any were.
absl::Status CheckPhotographDefects(const std::vector<const Defect*>& chosen) {
  for (const Defect* defect : chosen) {
    if (defect->moves) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", defect->name, "\" cannot be drawn on photographs, where nobody could tell"));
    }
  }
  return absl::OkStatus();
}

std::string Counted(int64_t count, absl::string_view one, absl::string_view more) {
  return absl::StrCat(count, " ", count == 1 ? one : more);
}

// Shows how far something is, once it has begun.
class Counter {
 public:
  explicit Counter(std::string what) : what_(std::move(what)) {}

  void Note(int64_t done, int64_t total) {
    if (!progress_.has_value()) {
      progress_.emplace(std::cerr,
                        Progress::Options{.what = what_, .total = total, .terminal = StandardErrorIsTerminal()});
    }
    progress_->Advance();
    done_ = done;
  }
  // Ends the display. Returns how many there were.
  int64_t Finish() {
    progress_.reset();
    return done_;
  }

 private:
  std::string what_;
  std::optional<Progress> progress_;
  int64_t done_ = 0;
};

// Names the photographs that cannot be used, and says what else is left out.
absl::StatusOr<Photographs> OpenAndReport(const SynthesizeArguments& arguments) {
  PictureReading reading{.apply_orientation = arguments.apply_orientation};
  if (arguments.significant_bits != 0) reading.significant_bits = arguments.significant_bits;
  Counter counter("photographs");
  absl::StatusOr<Photographs> photographs =
      OpenPhotographs(arguments.pictures, reading, [&](int64_t done, int64_t total) { counter.Note(done, total); });
  counter.Finish();
  if (!photographs.ok()) return photographs;
  for (const BadPhotograph& bad : photographs->bad) Warn(absl::StrCat("left out: ", bad.Sentence()));
  Say(photographs->left_out.Sentence());
  return photographs;
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
  const bool of_photographs = !arguments.pictures.empty();
  if (of_photographs && !arguments.families.empty()) return Fail("--families and --pictures exclude each other");
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
  Counter counter("pictures");
  const auto observe = [&](int64_t done, int64_t total) { counter.Note(done, total); };
  std::string of;  // what the set was made of
  absl::Status status;
  if (of_photographs) {
    if (absl::Status check = CheckPhotographDefects(*defects); !check.ok()) return Fail(check.message());
    const absl::StatusOr<Photographs> photographs = OpenAndReport(arguments);
    if (!photographs.ok()) return Fail(photographs.status().message());
    status = synthetic::WritePhotographSet(arguments.output, *photographs, options, observe);
    of = absl::StrCat(" of ", Counted(photographs->count(), "photograph", "photographs"), " in ",
                      Counted(static_cast<int64_t>(photographs->categories.size()), "category", "categories"), ", ",
                      photographs->bad.size(), " left out,");
  } else {
    status = synthetic::WriteSet(arguments.output, options, observe);
  }
  const int64_t written = counter.Finish();
  if (!status.ok()) return Fail(status.message());
  std::printf("%s: %ld pictures%s in MVTec's layout, seed %lu\n", EscapeControls(arguments.output).c_str(),
              static_cast<long>(written), of.c_str(), static_cast<unsigned long>(arguments.seed));
  return 0;
}

void AddSynthesizeCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<SynthesizeArguments>();
  SynthesizeArguments& arguments = *shared;
  CLI::App* command =
      app.add_subcommand("synthesize", "Makes pictures of synthetic parts with defects and their masks.");
  command->add_option("--output", arguments.output, "Folder to make; it gets MVTec's layout");
  command
      ->add_option("--pictures", arguments.pictures,
                   "Folder of photographs of good parts to draw defects on; its folders are the categories")
      ->type_name("FOLDER");
  command
      ->add_option("--families", arguments.families,
                   "Categories, parted by commas: names, or surfaces, or objects (default: all)")
      ->delimiter(',');
  command->add_option("--defects", arguments.defects, "Kinds of defects, parted by commas (default: all)")
      ->delimiter(',');
  command->add_option("--good", arguments.good, "Good pictures of each category")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_option("--anomalous", arguments.anomalous, "Pictures with a defect of each category")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  command->add_option("--side", arguments.side, "Longer side of the frame, pixels; the belt may stretch it")
      ->check(CLI::Range(64, 2048))
      ->capture_default_str();
  command->add_option("--seed", arguments.seed, "Key of all draws")->capture_default_str();
  command->add_option("--threads", arguments.threads, "Threads that make pictures")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  AddSignificantBits(*command, arguments.significant_bits);
  AddApplyOrientation(*command, arguments.apply_orientation);
  command->add_flag("--list", arguments.list, "Print the names of families and defects, and make nothing");
  command->callback([shared, &exit_code] { exit_code = RunSynthesize(*shared); });
}

}  // namespace bayespfl
