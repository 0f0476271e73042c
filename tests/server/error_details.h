// What a status says besides its code and message.
#ifndef BAYESPFL_TESTS_SERVER_ERROR_DETAILS_H_
#define BAYESPFL_TESTS_SERVER_ERROR_DETAILS_H_

#include <google/protobuf/any.pb.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "bayespfl/inspection/v1/error.pb.h"
#include "server/api/rpc_details.pb.h"

namespace bayespfl::server {

// The details of a status, as any client of gRPC finds them: a google.rpc.Status.
inline rpc::Status DetailsOf(const grpc::Status& status) {
  rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

// The message of that full name among them.
template <typename Detail>
std::optional<Detail> DetailOf(const grpc::Status& status, const std::string& full_name) {
  const rpc::Status details = DetailsOf(status);
  Detail detail;
  for (const google::protobuf::Any& any : details.details()) {
    if (any.type_url() == "type.googleapis.com/" + full_name && detail.ParseFromString(any.value())) return detail;
  }
  return std::nullopt;
}

// The contract's own error among them; without a reason when there is none.
inline inspection::v1::FrameError ErrorOf(const grpc::Status& status) {
  return DetailOf<inspection::v1::FrameError>(status, "bayespfl.inspection.v1.FrameError")
      .value_or(inspection::v1::FrameError());
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_ERROR_DETAILS_H_
