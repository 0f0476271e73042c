#include "tests/server/upload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/server/hostile_bytes.h"

namespace bayespfl::server {
namespace {

constexpr int64_t kFirstWindow = 65535;  // RFC 9113, section 6.9.2
constexpr size_t kFrameHeaderBytes = 9;
constexpr int64_t kMostInAFrame = 16384;
constexpr uint8_t kAcknowledgement = 1;
constexpr absl::string_view kLargeWindow("\x40\0\0\0", 4);  // of a WINDOW_UPDATE, which adds so much

uint32_t Number(absl::string_view bytes) {
  uint32_t number = 0;
  for (const char byte : bytes) number = number << 8U | static_cast<uint8_t>(byte);
  return number;
}

}  // namespace

std::string MessageHeader(size_t message_bytes) {
  std::string header(5, '\0');
  for (size_t i = 0; i < 4; ++i) header[i + 1] = static_cast<char>(message_bytes >> (24 - 8 * i));
  return header;
}

Upload::Upload(int port, std::string method, std::vector<UploadPart> parts)
    : method_(std::move(method)),
      parts_(std::move(parts)),
      socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      out_(absl::StrCat(Http2Preface(), Http2Frame(kHttp2WindowUpdate, 0, 0, kLargeWindow))),
      connection_window_(kFirstWindow) {
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

void Upload::BeginCall() {
  constexpr uint32_t kFirst = 1;
  stream_ = stream_ == 0 ? kFirst : stream_ + 2;
  absl::StrAppend(&out_, Http2Begin(stream_, method_), Http2Frame(kHttp2WindowUpdate, 0, stream_, kLargeWindow));
  part_ = 0;
  of_part_ = 0;
  stream_window_ = kFirstWindow;
}

bool Upload::Pump() {
  constexpr int kMostFrames = 64;
  for (int i = 0; i < kMostFrames; ++i) {
    if (!Read() || !Flush()) return false;
    const int64_t most = std::min({stream_window_, connection_window_, kMostInAFrame});
    if (!out_.empty() || most <= 0) return true;
    const std::string data = Next(most);
    if (data.empty()) return true;
    out_ = Http2Frame(kHttp2Data, 0, stream_, data);
    stream_window_ -= static_cast<int64_t>(data.size());
    connection_window_ -= static_cast<int64_t>(data.size());
    sent_bytes_ += data.size();
  }
  return true;
}

std::string Upload::Next(int64_t most) {
  std::string data;
  while (most > 0 && part_ < parts_.size()) {
    const auto& [bytes, filling] = parts_[part_];
    const auto size = static_cast<int64_t>(bytes.size());
    const int64_t end = of_part_ < size ? size : size + filling;  // of what is next: bytes or filling
    const int64_t count = std::min(most, end - of_part_);
    if (of_part_ < size) {
      data.append(bytes, static_cast<size_t>(of_part_), static_cast<size_t>(count));
    } else {
      data.append(static_cast<size_t>(count), 'x');
    }
    most -= count;
    of_part_ += count;
    if (of_part_ < size + filling) continue;
    ++part_;
    of_part_ = 0;
  }
  return data;
}

bool Upload::Flush() {
  while (!out_.empty()) {
    const ssize_t count = send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN;
    out_.erase(0, static_cast<size_t>(count));
  }
  return true;
}

bool Upload::Read() {
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

void Upload::TakeFrame(uint8_t type, uint32_t stream, absl::string_view payload) {
  if (type == kHttp2Settings) absl::StrAppend(&out_, Http2Frame(kHttp2Settings, kAcknowledgement, 0, ""));
  if (type == kHttp2WindowUpdate && stream == 0) connection_window_ += Number(payload);
  if (type == kHttp2WindowUpdate && stream == stream_) stream_window_ += Number(payload);
  if (type != kHttp2ResetStream || stream != stream_) return;
  ++ended_calls_;
  BeginCall();
}

std::unique_ptr<Upload> EndlessUpload(int port, uint32_t message_bytes) {
  const UploadPart part{.bytes = MessageHeader(message_bytes), .filling = int64_t{message_bytes} - 1};
  return std::make_unique<Upload>(port, kInspectMethod, std::vector<UploadPart>{part});
}

}  // namespace bayespfl::server
