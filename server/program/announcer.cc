#include "server/program/announcer.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {

Announcer::Announcer(Logger logger) : logger_(std::move(logger)) {}

Announcer::~Announcer() { words_.Close(kFlushPatience); }

void Announcer::Tell(const std::string& words, absl::string_view message, const LogFields& fields) {
  if (logger_->json()) return logger_->Info(message, fields);
  words_.Push(STDOUT_FILENO, absl::StrCat("bayespfl-server: ", words, "\n"), LineWeight::kImportant);
}

void Announcer::Listening(const std::string& port, const std::string& address) {
  Tell(absl::StrCat(port, " listening on ", address), "a port is open", {{"port", port}, {"address", address}});
}

int Announcer::Fail(const absl::Status& status) const {
  LastWords("the server cannot go on", status);
  return EXIT_FAILURE;
}

void Announcer::LastWords(absl::string_view message, const absl::Status& status) const {
  if (logger_->json()) {
    return logger_->LastWords(
        message, {{"code", absl::StatusCodeToString(status.code())}, {"error", std::string(status.message())}});
  }
  logger_->WriteRaw(absl::StrCat("bayespfl-server: ", status.message(), "\n"));
}

void Announcer::Leave(int exit_code) {
  words_.Flush(kLastLinesPatience);
  logger_->Flush(kLastLinesPatience);
  _exit(exit_code);
}

}  // namespace bayespfl::server
