// A client that sends everything that it should not.
#ifndef BAYESPFL_TESTS_SERVER_HOSTILE_CLIENT_H_
#define BAYESPFL_TESTS_SERVER_HOSTILE_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "inference/grpc_service.grpc.pb.h"
#include "tests/server/raw_call.h"

namespace bayespfl::server {

// A server whose model is a FakeDetector called "fake", and the tokens that a client may have come by.
struct HostileTarget {
  std::string grpc_address;
  std::string admin_address;
  int http_port = 0;
  std::string inspect_token;
  std::string admin_token;
};

// One client with connections of its own, which end with it. Every text that it sends holds its word. Fails the running
// test when the server lets in what it should refuse, refuses what is right, or does not answer. Not thread-safe.
class HostileClient {
 public:
  // `word`: letters and digits, so that it may stand anywhere.
  HostileClient(HostileTarget target, std::string word);

  // Everything once.
  void Attack();

 private:
  // One of each port.
  using Channel = std::shared_ptr<grpc::Channel>;

  std::vector<std::string> UnknownTokens() const;
  std::vector<std::string> Tokens() const;
  std::unique_ptr<grpc::ClientContext> Context(const std::string& token) const;
  grpc::StatusCode Call(const Channel& channel, const std::string& token, const std::string& method,
                        const std::string& message) const;
  grpc::StatusCode Inspect(const inspection::v1::InspectRequest& request) const;

  void CallStrangeMethods(const Channel& channel) const;
  void CallEveryMethod(const Channel& channel, const char* service) const;
  void SendOddHeaders() const;
  void SendTooMuch() const;
  void SendFrames() const;
  void Stream() const;
  void Infer() const;
  void InferStream() const;
  void AskAboutModels() const;
  void Administer() const;
  void AskHealthAndReflection(const Channel& channel) const;
  void Cancel() const;
  void LetDeadlinesPass() const;

  const HostileTarget target_;
  const std::string word_;
  const std::string nasty_;  // what would end a label, a line of a log, a string of JSON or a path
  const Channel main_;
  const Channel admin_;
  const std::unique_ptr<inspection::v1::InspectionService::Stub> inspection_;
  const std::unique_ptr<inference::GRPCInferenceService::Stub> kserve_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_HOSTILE_CLIENT_H_
