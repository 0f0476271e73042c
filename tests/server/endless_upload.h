// A client that sends a message without end, over a connection of its own.
#ifndef BAYESPFL_TESTS_SERVER_ENDLESS_UPLOAD_H_
#define BAYESPFL_TESTS_SERVER_ENDLESS_UPLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/descriptor.h"

namespace bayespfl::server {

// Keeps to HTTP/2's windows, so that the server has no reason to end it but the size. A call that the server ends is
// followed by another one. Holds nothing of what it sends, so that the memory of the process is the server's. Not
// thread-safe.
class EndlessUpload {
 public:
  // To a port of 127.0.0.1. The message says that it has `message_bytes`, and one byte less comes.
  EndlessUpload(int port, uint32_t message_bytes);

  // Sends what the server takes without waiting, and reads what it has sent. False: it has closed the connection.
  bool Pump();

  size_t sent_bytes() const { return sent_bytes_; }  // of all messages
  int ended_calls() const { return ended_calls_; }   // by the server

 private:
  void BeginCall();
  bool Flush();
  bool Read();
  void TakeFrame(uint8_t type, uint32_t stream, absl::string_view payload);

  const uint32_t message_bytes_;
  Descriptor socket_;
  std::string out_;      // frames that the socket has not taken
  std::string in_;       // the beginning of a frame
  uint32_t stream_ = 0;  // of the call under way
  int64_t left_ = 0;     // bytes of its message that are still to come
  int64_t stream_window_ = 0;
  int64_t connection_window_ = 65535;
  size_t sent_bytes_ = 0;
  int ended_calls_ = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_ENDLESS_UPLOAD_H_
