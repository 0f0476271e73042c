// A camera's stream: inspect_stream HOST:PORT CATEGORY FILE...; each file is a frame, and its name the frame's id.
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "bayespfl/client/errors.h"
#include "bayespfl/client/inspection_client.h"

namespace {

namespace client = bayespfl::client;
namespace v1 = bayespfl::inspection::v1;

// Called on the stream's own thread, once for each frame and in their order.
void Print(const client::StreamReply& reply) {
  std::cout << reply.metadata.frame_id() << ": ";
  if (reply.result.ok()) {
    std::cout << v1::Verdict_Name(reply.result->verdict()) << ", score " << reply.result->score();
  } else {
    std::cout << reply.result.status().message();
  }
  std::cout << " (sent " << reply.attempts << " times)" << std::endl;
}

absl::Status InspectFrames(const std::string& target, const std::string& category, int count, char** files) {
  const auto inspector = client::InspectionClient::Create({.target = target});
  if (!inspector.ok()) return inspector.status();
  v1::InspectOptions options;
  options.set_category(category);
  const auto stream = (*inspector)->OpenStream(options, {.max_in_flight = 4}, Print, [](const absl::Status&) {});
  if (!stream.ok()) return stream.status();
  for (int i = 0; i < count; ++i) {
    std::ifstream file(files[i], std::ios::binary);
    client::OutgoingFrame frame;
    frame.frame.mutable_image()->set_encoded(
        std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
    frame.frame.mutable_metadata()->set_frame_id(files[i]);
    // Waits while four frames are on their way.
    if (absl::Status sent = (*stream)->Send(std::move(frame)); !sent.ok()) return sent;
  }
  return (*stream)->Finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: inspect_stream HOST:PORT CATEGORY FILE..." << std::endl;
    return 1;
  }
  const absl::Status status = InspectFrames(argv[1], argv[2], argc - 3, argv + 3);
  if (status.ok()) return 0;
  std::cerr << status.message() << " [" << client::ErrorReasonName(client::ErrorReasonOf(status)) << "]" << std::endl;
  return 1;
}
