#include <google/protobuf/duration.pb.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/model_view.h"

namespace bayespfl::client {
namespace {

using Json = nlohmann::ordered_json;
using inspection::v1::GetServerInfoResponse;
using inspection::v1::Model;
using inspection::v1::ServerLimits;

struct InfoFlags {
  ConnectionFlags connection;
  bool json = false;
};

Json Seconds(bool present, const google::protobuf::Duration& duration) {
  if (!present) return {};
  return static_cast<double>(duration.seconds()) + duration.nanos() / 1e9;
}

// Null: no limit.
Json UnlessZero(uint32_t limit) { return limit == 0 ? Json() : Json(limit); }

Json LimitsToJson(const ServerLimits& limits) {
  return {{"max_message_bytes", limits.max_message_bytes()},
          {"max_picture_bytes", limits.max_picture_bytes()},
          {"max_picture_pixels", limits.max_picture_pixels()},
          {"max_frames_per_stream", limits.max_frames_per_stream()},
          {"max_frames_in_flight", limits.max_frames_in_flight()},
          {"max_streams", limits.max_streams()},
          {"max_streams_per_client", UnlessZero(limits.max_streams_per_client())},
          {"max_frames_per_second_per_client", UnlessZero(limits.max_frames_per_second_per_client())},
          {"min_ping_interval_seconds", Seconds(limits.has_min_ping_interval(), limits.min_ping_interval())},
          {"max_stream_age_seconds", Seconds(limits.has_max_stream_age(), limits.max_stream_age())}};
}

std::string DefaultModelText(const absl::StatusOr<Model>& model) {
  if (!model.ok()) return absl::StrCat("none: ", model.status().message());
  return absl::StrCat(model->name(), " ", model->version(), " on ", model->device(), ", ", model->categories_total(),
                      " calibrated ", model->categories_total() == 1 ? "category" : "categories");
}

int RunInfo(const InfoFlags& flags) {
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  const absl::StatusOr<GetServerInfoResponse> info = client->GetServerInfo();
  if (!info.ok()) return ReportServerError(*client, info.status());
  const absl::StatusOr<Model> model = client->GetModel();  // a server that loads its first has none yet
  const Json limits = LimitsToJson(info->limits());
  if (flags.json) {
    std::cout << JsonText({{"server_version", info->version()},
                           {"default_model", model.ok() ? ModelToJson(*model) : Json()},
                           {"limits", limits}})
              << std::endl;
    return kExitOk;
  }
  Json fields = {{"server_version", info->version()}, {"default_model", DefaultModelText(model)}};
  fields.update(limits);
  PrintFields(fields, std::cout);
  return kExitOk;
}

}  // namespace

void AddInfoCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command = app.add_subcommand("info", "Show the server's version, limits and default model");
  const auto flags = std::make_shared<InfoFlags>();
  flags->connection.timeout_seconds = 5;
  AddConnectionFlags(*command, flags->connection, "Longest wait for the answer");
  command->add_flag("--json", flags->json, "Print one JSON object");
  command->callback([flags, &exit_code] { exit_code = RunInfo(*flags); });
}

}  // namespace bayespfl::client
