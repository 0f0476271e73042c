// What answers calls of methods that no service of a port has.
#ifndef BAYESPFL_SERVER_API_UNKNOWN_METHODS_H_
#define BAYESPFL_SERVER_API_UNKNOWN_METHODS_H_

#include <functional>
#include <utility>

#include "grpcpp/generic/async_generic_service.h"

namespace bayespfl::server {

// Answers UNIMPLEMENTED as gRPC does by itself, and tells. Thread-safe; outlives the gRPC server.
class UnknownMethods final : public grpc::CallbackGenericService {
 public:
  // `on_call` is called once for every call.
  explicit UnknownMethods(std::function<void()> on_call) : on_call_(std::move(on_call)) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    on_call_();
    return grpc::CallbackGenericService::CreateReactor(context);
  }

 private:
  const std::function<void()> on_call_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_UNKNOWN_METHODS_H_
