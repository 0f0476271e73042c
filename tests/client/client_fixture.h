// What the tests of the library share: clients, pictures, and servers that say nothing.
#ifndef BAYESPFL_TESTS_CLIENT_CLIENT_FIXTURE_H_
#define BAYESPFL_TESTS_CLIENT_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "bayespfl/client/inspection_client.h"

namespace bayespfl::client {

inline std::unique_ptr<InspectionClient> ClientOf(const std::string& target,
                                                  absl::Duration timeout = absl::Seconds(30)) {
  ClientOptions options;
  options.target = target;
  options.timeout = timeout;
  options.connect_timeout = std::min(timeout, absl::Seconds(1));
  return *InspectionClient::Create(options);
}

inline inspection::v1::InspectRequest RequestOf(const std::string& picture) {
  inspection::v1::InspectRequest request;
  request.mutable_image()->set_encoded(picture);
  request.mutable_metadata()->set_frame_id("frame-1");
  request.mutable_options()->set_category("metal nut");
  return request;
}

inline inspection::v1::InspectOptions StreamCategory() {
  inspection::v1::InspectOptions options;
  options.set_category("metal nut");
  return options;
}

// Gives the pictures one after the other; the tags count from 100.
inline InspectionClient::FrameSource SourceOf(std::vector<std::string> pictures) {
  return [pictures = std::move(pictures), next = size_t{0}]() mutable -> std::optional<OutgoingFrame> {
    if (next == pictures.size()) return std::nullopt;
    OutgoingFrame frame{.frame = {}, .tag = 100 + next};
    frame.frame.mutable_image()->set_encoded(pictures[next++]);
    return frame;
  };
}

// A socket that lets clients connect and never says a word.
class SilentListener final {
 public:
  SilentListener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (socket_ < 0) {
      ADD_FAILURE() << "no socket";
      return;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentListener() { Close(); }
  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  int port_ = 0;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_TESTS_CLIENT_CLIENT_FIXTURE_H_
