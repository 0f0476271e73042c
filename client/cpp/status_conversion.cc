#include "client/cpp/status_conversion.h"

#include "absl/strings/cord.h"

namespace bayespfl::client {
namespace {

absl::StatusCode CodeOf(int code) {
  constexpr int kLastCode = static_cast<int>(absl::StatusCode::kUnauthenticated);
  return code >= 0 && code <= kLastCode ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

void AddDetails(const google::rpc::Status& wire, absl::Status& status) {
  for (const auto& detail : wire.details()) status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
}

}  // namespace

absl::Status FromWireError(const google::rpc::Status& error) {
  absl::StatusCode code = CodeOf(error.code());
  if (code == absl::StatusCode::kOk) code = absl::StatusCode::kInternal;
  absl::Status status(code, error.message());
  AddDetails(error, status);
  return status;
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(CodeOf(static_cast<int>(status.error_code())), status.error_message());
  google::rpc::Status wire;
  if (!status.error_details().empty() && wire.ParseFromString(status.error_details())) AddDetails(wire, result);
  return result;
}

}  // namespace bayespfl::client
