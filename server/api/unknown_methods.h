// What answers calls of methods that no service of a port has.
#ifndef BAYESPFL_SERVER_API_UNKNOWN_METHODS_H_
#define BAYESPFL_SERVER_API_UNKNOWN_METHODS_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "grpcpp/generic/async_generic_service.h"

namespace bayespfl::server {

// Answers UNIMPLEMENTED, says why, and tells. Thread-safe; outlives the gRPC server.
class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  // `on_call` is called once for every call. `explain` makes the answer's message of the call's path,
  // "/package.Service/Method", which may be anything.
  UnknownMethods(std::function<void()> on_call, std::function<std::string(absl::string_view path)> explain)
      : on_call_(std::move(on_call)), explain_(std::move(explain)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    on_call_();
    return new Refusal(explain_(context->method()));  // deletes itself in OnDone()
  }

 private:
  class Refusal final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Refusal(const std::string& message) { Finish({grpc::StatusCode::UNIMPLEMENTED, message}); }
    void OnDone() override { delete this; }
  };

  const std::function<void()> on_call_;
  const std::function<std::string(absl::string_view)> explain_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_UNKNOWN_METHODS_H_
