// A camera that never stops: streams frames to the server at argv[1] until somebody kills it. Prints a line with the
// first reply.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "bayespfl/inspection/v1/inspection.grpc.pb.h"

namespace v1 = bayespfl::inspection::v1;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto stub = v1::InspectionService::NewStub(grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);  // as in reliability_test.cc
  const auto stream = stub->InspectStream(&context);
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category("metal nut");
  stream->Write(message);
  v1::RawImage& raw = *message.mutable_frame()->mutable_image()->mutable_raw();
  raw.set_data(std::string(size_t{64} * 64, '\x80'));
  raw.set_width(64);
  raw.set_height(64);
  raw.set_pfnc_pixel_format(0x01080001);
  std::thread reader([&stream] {
    v1::InspectStreamResponse reply;
    for (bool first = true; stream->Read(&reply); first = false) {
      if (first) std::puts("streaming"), std::fflush(stdout);
    }
  });
  while (stream->Write(message)) continue;
  reader.join();
  return 1;  // the server ended the stream
}
