#include <cerrno>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/sha256.h"
#include "client/cpp/commands.h"
#include "client/cpp/connection.h"
#include "client/cpp/exit_codes.h"
#include "client/cpp/replay.h"
#include "model/image/picture_files.h"
#include "model/verdict/result_line.h"

namespace bayespfl::client {
namespace {

struct ReplayFlags {
  ConnectionFlags connection;
  std::string line;  // a file, or "-" for standard input
  std::string picture;
  std::string result_id;
};

absl::StatusOr<std::string> ReadLine(const ReplayFlags& flags) {
  if (flags.line == "-") return FindResultLine(std::cin, flags.result_id, "standard input");
  std::ifstream file(flags.line);
  if (!file) return FileError("open", flags.line, errno);
  return FindResultLine(file, flags.result_id, flags.line);
}

absl::StatusOr<Inspection> ReadRecord(const ReplayFlags& flags) {
  const absl::StatusOr<std::string> line = ReadLine(flags);
  if (!line.ok()) return line.status();
  return ParseResultLine(*line);
}

// Sends the frame again and compares.
int Replay(const InspectionClient& client, const Inspection& recorded, std::string picture) {
  const absl::StatusOr<inspection::v1::InspectResponse> response =
      client.Inspect(ReplayRequest(recorded, std::move(picture)));
  if (!response.ok()) return ReportServerError(client, response.status());
  const Comparison comparison = Compare(recorded, ReplayedInspection(recorded, *response));
  std::cout << ComparisonText(comparison) << std::endl;
  return comparison.agreement == Agreement::kDifferent ? kExitExceeded : kExitOk;
}

int RunReplay(const ReplayFlags& flags) {
  const absl::StatusOr<Inspection> recorded = ReadRecord(flags);
  if (!recorded.ok()) {
    PrintError(recorded.status().message());
    return kExitLocal;
  }
  absl::StatusOr<std::string> picture = ReadPictureFile(flags.picture);
  if (!picture.ok()) {
    PrintError(picture.status().message());
    return kExitLocal;
  }
  const std::string digest = Sha256Hex(*picture);
  if (digest != recorded->provenance.picture.sha256) {
    std::cout << "not the picture of that result: its SHA-256 is " << digest << ", the recorded one "
              << recorded->provenance.picture.sha256 << std::endl;
    return kExitExceeded;
  }
  const std::unique_ptr<InspectionClient> client = Connect(flags.connection);
  if (client == nullptr) return kExitLocal;
  return Replay(*client, *recorded, *std::move(picture));
}

}  // namespace

void AddReplayCommand(CLI::App& app, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("replay", "Inspect a picture as it was, and compare with the result then");
  const auto flags = std::make_shared<ReplayFlags>();
  command
      ->add_option("line", flags->line,
                   "File with a line of the server's result log, or of `inspect --json`; \"-\": standard input")
      ->required();
  command->add_option("picture", flags->picture, "The picture that was inspected, byte for byte")->required();
  command->add_option("--result-id", flags->result_id, "Which result of a log with many lines")->type_name("ID");
  AddConnectionFlags(*command, flags->connection, "Longest wait for the answer");
  command->footer(
      "Exit codes: 0 equal to the bit, or within the documented tolerance; 1 wrong usage, a local error or a refusal; "
      "2\n"
      "different, or another picture; 3 the server cannot be reached or is not serving.");
  command->callback([flags, &exit_code] { exit_code = RunReplay(*flags); });
}

}  // namespace bayespfl::client
