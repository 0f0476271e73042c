// Sends traces to a collector: OTLP over HTTP, in JSON.
#ifndef BAYESPFL_SERVER_TELEMETRY_OTLP_CLIENT_H_
#define BAYESPFL_SERVER_TELEMETRY_OTLP_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/telemetry/otlp_endpoint.h"

namespace bayespfl::server {

// What became of a message.
struct SendResult {
  enum class Kind {
    kTaken,    // but for `rejected` spans
    kRetry,    // it may be sent again
    kRefused,  // it must not: the receiver does not want it
  };
  Kind kind = Kind::kTaken;
  int64_t rejected = 0;                                                 // of kTaken
  std::string error = {};                                               // why; of kTaken: why some were rejected
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;  // of kRetry: not before then
};

// One thread sends; another may cancel.
class SpanSender {
 public:
  virtual ~SpanSender() = default;

  virtual SendResult Send(const std::string& body) = 0;

  // Send() ends soon, now and whenever it is called again.
  virtual void Cancel() = 0;
};

struct OtlpClientOptions {
  OtlpEndpoint endpoint;
  std::string ca_file = {};  // PEM authorities of a TLS endpoint; empty: the system's
  OtlpHeaders headers = {};  // sent along
  std::string user_agent = {};
  std::chrono::milliseconds connect_timeout{2000};    // also for the look-up of the name
  std::chrono::milliseconds transfer_timeout{10000};  // for each read and each write
};

// Which answers ask for another try, and when, is said by OTLP: 429, 502, 503 and 504, with Retry-After; so do
// connections that fail. Every address of the host's name is tried. Connections are kept.
class OtlpClient final : public SpanSender {
 public:
  explicit OtlpClient(OtlpClientOptions options);
  ~OtlpClient() override;
  OtlpClient(const OtlpClient&) = delete;
  OtlpClient& operator=(const OtlpClient&) = delete;

  SendResult Send(const std::string& body) override;
  void Cancel() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Seconds, or a date of HTTP (RFC 9110), as a delay from now on; absent: it is neither, or past. Thread-safe.
std::optional<std::chrono::milliseconds> ParseRetryAfter(absl::string_view value);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_OTLP_CLIENT_H_
