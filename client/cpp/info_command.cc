#include <iostream>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "base/shortest_decimal.h"
#include "base/terminal_text.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"

namespace bayespfl::client {
namespace {

using Json = nlohmann::ordered_json;

struct InfoFlags {
  ConnectionFlags connection;
  std::string model;
  bool json = false;
};

Json CalibratedCategories(const inspection::v1::GetModelInfoResponse& info) {
  Json categories = Json::array();
  for (const inspection::v1::CalibratedCategory& category : info.calibrated_categories()) {
    categories.push_back({{"category", category.category()},
                          {"mask_threshold", ShortestDecimal(category.mask_threshold())},
                          {"score_threshold", ShortestDecimal(category.score_threshold())},
                          {"good_pictures", category.good_pictures()}});
  }
  return categories;
}

Json ToJson(const inspection::v1::GetModelInfoResponse& info) {
  return {{"model", info.model()},
          {"name", info.name()},
          {"version", info.version()},
          {"digest", info.digest()},
          {"device", info.device()},
          {"stage", info.stage()},
          {"image_size", info.image_size()},
          {"default_samples", info.default_samples()},
          {"max_samples", info.max_samples()},
          {"mask_threshold", ShortestDecimal(info.mask_threshold())},
          {"calibrated", info.calibrated()},
          {"map_smoothing_sigma", ShortestDecimal(info.map_smoothing_sigma())},
          {"iad_sampling", info.iad_sampling()},
          {"server_version", info.server_version()},
          {"calibrated_categories", CalibratedCategories(info)}};
}

void PrintTable(const Json& info) {
  constexpr size_t kNameWidth = 22;
  for (const auto& [name, value] : info.items()) {
    if (value.is_array()) continue;
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    std::cout << PadRight(name, kNameWidth) << OneLine(text) << '\n';
  }
  const Json& categories = info["calibrated_categories"];
  std::cout << PadRight("calibrated_categories", kNameWidth) << (categories.empty() ? "none" : "") << '\n';
  for (const Json& category : categories) {
    std::cout << "  " << OneLine(category["category"].get<std::string>()) << ": mask threshold "
              << category["mask_threshold"].dump() << ", score threshold " << category["score_threshold"].dump() << " ("
              << category["good_pictures"].dump() << " good pictures)\n";
  }
  std::cout << std::flush;
}

int RunInfo(const InfoFlags& flags) {
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<inspection::v1::GetModelInfoResponse> info = client->GetModelInfo(flags.model);
  if (!info.ok()) return ReportServerError(*client, info.status());
  const Json json = ToJson(*info);
  if (flags.json) {
    std::cout << json.dump() << std::endl;
  } else {
    PrintTable(json);
  }
  return kExitOk;
}

}  // namespace

void AddInfoCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand("info", "Describe a model of the server");
  const auto flags = std::make_shared<InfoFlags>();
  flags->connection.timeout_seconds = 5;
  AddConnectionFlags(*command, flags->connection, "Longest wait for the answer");
  command->add_option("--model", flags->model, "Which of the server's models (default: its default)")
      ->type_name("NAME");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, &exit_code] { exit_code = RunInfo(*flags); });
}

}  // namespace bayespfl::client
