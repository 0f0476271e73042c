// Calls below the generated stubs: any bytes to any method.
#ifndef BAYESPFL_TESTS_SERVER_RAW_CALL_H_
#define BAYESPFL_TESTS_SERVER_RAW_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

namespace bayespfl::server {

struct RawReply {
  grpc::Status status;
  std::string message;  // as it came; empty when there was none
};

// Sends `request` to `method` ("/package.Service/Method"), whatever it is, closes the sending side, and waits for the
// status. Of a method that streams its replies this takes one; `context` needs a deadline where more may come.
inline RawReply RawCall(const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext& context,
                        const std::string& method, const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer bytes;
  RawReply reply;
  call->Finish(&bytes, &reply.status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  grpc::Slice whole;
  if (bytes.DumpToSingleSlice(&whole).ok()) {
    reply.message.assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
  }
  return reply;
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_RAW_CALL_H_
