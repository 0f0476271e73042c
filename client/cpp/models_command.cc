#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/terminal_text.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/model_view.h"

namespace bayespfl::client {
namespace {

// A package is read, checked and warmed up before the call returns.
constexpr double kLoadPatienceSeconds = 600;

struct ModelsFlags {
  ConnectionFlags connection;
  std::string name;
  bool json = false;
};

int RunList(const ModelsFlags& flags) {
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<std::vector<inspection::v1::Model>> models = client->ListModels();
  if (!models.ok()) return ReportServerError(*client, models.status());
  if (!flags.json) {
    PrintModels(*models, std::cout);
    return kExitOk;
  }
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const inspection::v1::Model& model : *models) list.push_back(ModelToJson(model));
  std::cout << JsonText({{"models", list}}) << std::endl;
  return kExitOk;
}

int RunGet(const ModelsFlags& flags) {
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<inspection::v1::Model> model = client->GetModel(flags.name);
  if (!model.ok()) return ReportServerError(*client, model.status());
  if (flags.json) {
    std::cout << JsonText(ModelWithCategoriesToJson(*model)) << std::endl;
  } else {
    PrintModel(*model, std::cout);
  }
  return kExitOk;
}

int RunLoad(const ModelsFlags& flags) {
  const std::unique_ptr<AdminClient> client = ConnectAdmin(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<admin::v1::Model> model = client->LoadModel(flags.name);
  if (!model.ok()) return ReportAdminError(*client, model.status());
  std::cout << OneLine(model->name()) << " serves: " << OneLine(model->version()) << " on " << OneLine(model->device())
            << (model->is_default() ? ", the default" : "") << std::endl;
  return kExitOk;
}

int RunUnload(const ModelsFlags& flags) {
  const std::unique_ptr<AdminClient> client = ConnectAdmin(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::Status status = client->UnloadModel(flags.name);
  if (!status.ok()) return ReportAdminError(*client, status);
  std::cout << OneLine(flags.name) << " serves no more" << std::endl;
  return kExitOk;
}

int RunDefault(const ModelsFlags& flags) {
  const std::unique_ptr<AdminClient> client = ConnectAdmin(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::Status status = client->SetDefaultModel(flags.name);
  if (!status.ok()) return ReportAdminError(*client, status);
  std::cout << OneLine(flags.name) << " answers the requests that name no model" << std::endl;
  return kExitOk;
}

using Action = int (*)(const ModelsFlags& flags);

// `models list` and `models get`, over the inspection API.
CLI::App& AddQuestion(CLI::App& models, const std::string& name, const std::string& help,
                      const std::shared_ptr<ModelsFlags>& flags, Action action, int& exit_code) {
  CLI::App* const command = models.add_subcommand(name, help);
  flags->connection.timeout_seconds = 5;
  AddConnectionFlags(*command, flags->connection, "Longest wait for the answer");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, action, &exit_code] { exit_code = action(*flags); });
  return *command;
}

// A change, over the administration port.
void AddChange(CLI::App& models, const std::string& name, const std::string& help, Action action, int& exit_code) {
  CLI::App* const command = models.add_subcommand(name, help);
  const auto flags = std::make_shared<ModelsFlags>();
  flags->connection.timeout_seconds = kLoadPatienceSeconds;
  command->add_option("name", flags->name, "The model, as requests call it")->required();
  AddAdminConnectionFlags(*command, flags->connection, "Longest wait for the change");
  command->callback([flags, action, &exit_code] { exit_code = action(*flags); });
}

}  // namespace

void AddModelsCommand(CLI::App& app, int& exit_code) {
  CLI::App* const models = app.add_subcommand("models", "Show a server's models, or change them");
  models->require_subcommand(1);
  AddQuestion(*models, "list", "The models that serve", std::make_shared<ModelsFlags>(), RunList, exit_code);
  const auto get = std::make_shared<ModelsFlags>();
  AddQuestion(*models, "get", "One model, with the categories it is calibrated for", get, RunGet, exit_code)
      .add_option("name", get->name, "The model, as requests call it (default: the default one)");
  AddChange(*models, "load", "Load a package of the server's model_root, or load it anew", RunLoad, exit_code);
  AddChange(*models, "unload", "Take a model out of service", RunUnload, exit_code);
  AddChange(*models, "default", "Let a model answer the requests that name none", RunDefault, exit_code);
}

}  // namespace bayespfl::client
