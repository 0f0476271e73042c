// What all commands share: a server's address, how to be let in, and what to say when it does not answer.
#ifndef BAYESPFL_CLIENT_CPP_CONNECTION_H_
#define BAYESPFL_CLIENT_CPP_CONNECTION_H_

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bayespfl/client/admin_client.h"
#include "bayespfl/client/inspection_client.h"
#include "client/cpp/credentials.h"

namespace bayespfl::client {

struct ConnectionFlags {
  std::string server = "127.0.0.1:50051";
  double timeout_seconds = 60;
  TlsFiles tls;
  std::string token_file;  // empty: the environment's BAYESPFL_TOKEN, if there is one
  bool allow_plaintext_token = false;
};

// Adds --server, --timeout and the flags of TLS and tokens to a command; `flags` must outlive it. There is no flag for
// the token itself: every user of the machine sees the command lines of all processes.
void AddConnectionFlags(CLI::App& command, ConnectionFlags& flags, const std::string& timeout_help);

// The same with --admin, which is required, in place of --server: its port has another number.
void AddAdminConnectionFlags(CLI::App& command, ConnectionFlags& flags, const std::string& timeout_help);

// The client, or null after an error message.
std::unique_ptr<InspectionClient> Connect(const ConnectionFlags& flags);
std::unique_ptr<AdminClient> ConnectAdmin(const ConnectionFlags& flags);

// Prints "bayespfl-client: <message>" on standard error, on one line.
void PrintError(absl::string_view message);

// Prints why the server gave no answer and what to try, and returns the exit code: kExitUnreachable when nobody serves
// there, kExitLocal for everything else. Asks the server's health to tell "not there" from "not ready".
int ReportServerError(const InspectionClient& client, const absl::Status& status);

// The same for the administration port, which is not asked for its health.
int ReportAdminError(const AdminClient& client, const absl::Status& status);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_CONNECTION_H_
