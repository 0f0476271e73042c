// A client that sends much and holds nothing of it, over a connection of its own.
#ifndef BAYESPFL_TESTS_SERVER_UPLOAD_H_
#define BAYESPFL_TESTS_SERVER_UPLOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/descriptor.h"

namespace bayespfl::server {

// A piece of what a call sends: bytes, and behind them so many times 'x'.
struct UploadPart {
  std::string bytes;
  int64_t filling = 0;
};

// The five bytes that gRPC puts before a message without compression.
std::string MessageHeader(size_t message_bytes);

// Keeps to HTTP/2's windows, so that the server has no reason to end it but what is sent, and takes whatever comes
// back. Makes what it sends as it goes, so that the memory of the process is the server's. Not thread-safe.
class Upload {
 public:
  // A call of `method` at a port of 127.0.0.1, which stays open when all is sent. One that the server ends is followed
  // by another one.
  Upload(int port, std::string method, std::vector<UploadPart> parts);

  // Sends what the server takes without waiting, and reads what it has sent. False: it has closed the connection.
  bool Pump();

  // The server has taken all of the call's parts.
  bool sent() const { return part_ == parts_.size() && out_.empty(); }
  size_t sent_bytes() const { return sent_bytes_; }  // of all calls
  int ended_calls() const { return ended_calls_; }   // by the server

 private:
  void BeginCall();
  std::string Next(int64_t most);
  bool Flush();
  bool Read();
  void TakeFrame(uint8_t type, uint32_t stream, absl::string_view payload);

  const std::string method_;
  const std::vector<UploadPart> parts_;
  Descriptor socket_;
  std::string out_;      // frames that the socket has not taken
  std::string in_;       // the beginning of a frame
  uint32_t stream_ = 0;  // of the call under way
  size_t part_ = 0;      // of the call: the first that has not gone altogether
  int64_t of_part_ = 0;  // bytes of that which have
  int64_t stream_window_ = 0;
  int64_t connection_window_;
  size_t sent_bytes_ = 0;
  int ended_calls_ = 0;
};

// A call of Inspect whose message says that it has `message_bytes`, and of which one byte less comes.
std::unique_ptr<Upload> EndlessUpload(int port, uint32_t message_bytes);

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_UPLOAD_H_
