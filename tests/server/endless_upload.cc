#include "tests/server/endless_upload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "tests/server/hostile_bytes.h"

namespace bayespfl::server {
namespace {

constexpr int64_t kFirstWindow = 65535;  // RFC 9113, section 6.9.2
constexpr size_t kFrameHeaderBytes = 9;
constexpr int64_t kMostInAFrame = 16384;
constexpr uint8_t kAcknowledgement = 1;

uint32_t Number(absl::string_view bytes) {
  uint32_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<uint8_t>(byte);
  return number;
}

}  // namespace

EndlessUpload::EndlessUpload(int port, uint32_t message_bytes)
    : message_bytes_(message_bytes), socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), out_(Http2Preface()) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ADD_FAILURE() << "cannot connect to port " << port;
  }
  fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  BeginCall();
}

void EndlessUpload::BeginCall() {
  constexpr uint32_t kFirst = 1;
  stream_ = stream_ == 0 ? kFirst : stream_ + 2;
  std::string length(5, '\0');
  for (size_t i = 0; i < 4; ++i) length[i + 1] = static_cast<char>(message_bytes_ >> (24 - 8 * i));
  absl::StrAppend(&out_, Http2Begin(stream_, kInspectMethod), Http2Frame(kHttp2Data, 0, stream_, length));
  left_ = int64_t{message_bytes_} - 1;
  stream_window_ = kFirstWindow - 5;
  connection_window_ -= 5;
}

bool EndlessUpload::Pump() {
  constexpr int kMostFrames = 64;
  for (int i = 0; i < kMostFrames; ++i) {
    if (!Read() || !Flush()) return false;
    const int64_t size = std::min({left_, stream_window_, connection_window_, kMostInAFrame});
    if (!out_.empty() || size <= 0) return true;
    out_ = Http2Frame(kHttp2Data, 0, stream_, std::string(static_cast<size_t>(size), 'x'));
    left_ -= size;
    stream_window_ -= size;
    connection_window_ -= size;
    sent_bytes_ += static_cast<size_t>(size);
  }
  return true;
}

bool EndlessUpload::Flush() {
  while (!out_.empty()) {
    const ssize_t count = send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN;
    out_.erase(0, static_cast<size_t>(count));
  }
  return true;
}

bool EndlessUpload::Read() {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    in_.append(buffer.data(), static_cast<size_t>(count));
    while (in_.size() >= kFrameHeaderBytes) {
      const absl::string_view frame = in_;
      const size_t size = kFrameHeaderBytes + Number(frame.substr(0, 3));
      if (frame.size() < size) break;
      const bool acknowledges = frame[3] == kHttp2Settings && frame[4] == kAcknowledgement;
      if (!acknowledges) {
        TakeFrame(static_cast<uint8_t>(frame[3]), Number(frame.substr(5, 4)),
                  frame.substr(kFrameHeaderBytes, size - kFrameHeaderBytes));
      }
      in_.erase(0, size);
    }
  }
}

void EndlessUpload::TakeFrame(uint8_t type, uint32_t stream, absl::string_view payload) {
  if (type == kHttp2Settings) absl::StrAppend(&out_, Http2Frame(kHttp2Settings, kAcknowledgement, 0, ""));
  if (type == kHttp2WindowUpdate && stream == 0) connection_window_ += Number(payload);
  if (type == kHttp2WindowUpdate && stream == stream_) stream_window_ += Number(payload);
  if (type != kHttp2ResetStream || stream != stream_) return;
  ++ended_calls_;
  BeginCall();
}

}  // namespace bayespfl::server
