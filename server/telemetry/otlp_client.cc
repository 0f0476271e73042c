#include "server/telemetry/otlp_client.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include "base/http_library.h"

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/telemetry/otlp_json.h"

namespace bayespfl::server {
namespace {

// An answer holds a sentence at most.
constexpr size_t kMaxAnswerBytes = size_t{64} << 10;

// The look-up of a name, which nothing can interrupt: on a thread that nobody waits for longer than he wants to. The
// thread has nothing of ours but this.
struct Lookup {
  Mutex mu;
  CondVar done_changed;
  bool done ABSL_GUARDED_BY(mu) = false;
  std::vector<std::string> addresses ABSL_GUARDED_BY(mu);
};

std::vector<std::string> AddressesOf(const std::string& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  std::vector<std::string> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  freeaddrinfo(found);
  return addresses;
}

bool IsAddress(const std::string& host) {
  in6_addr parsed = {};
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1 || inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

bool AsksForAnotherTry(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

// Printable ASCII of an answer, for a line of the log.
std::string Shown(absl::string_view text) {
  constexpr size_t kMost = 200;
  std::string shown(text.substr(0, kMost));
  for (char& c : shown) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::StripAsciiWhitespace(&shown);
  return shown;
}

SendResult FromAnswer(const httplib::Response& answer, const std::string& body) {
  if (answer.status >= 200 && answer.status < 300) {
    const absl::StatusOr<OtlpPartialSuccess> partial = DecodePartialSuccess(body);
    // Whoever answers 2xx in another form has taken the spans.
    return partial.ok() ? SendResult{.rejected = partial->rejected, .error = Shown(partial->message)} : SendResult{};
  }
  SendResult result{.kind = SendResult::Kind::kRefused,
                    .error = absl::StrCat("HTTP status ", answer.status, body.empty() ? "" : ": ", Shown(body))};
  if (!AsksForAnotherTry(answer.status)) return result;
  result.kind = SendResult::Kind::kRetry;
  result.retry_after = ParseRetryAfter(answer.get_header_value("Retry-After"));
  return result;
}

SendResult NoAnswer(std::string why) { return {.kind = SendResult::Kind::kRetry, .error = std::move(why)}; }

}  // namespace

struct OtlpClient::Impl {
  explicit Impl(OtlpClientOptions given) : options(std::move(given)) {
    const OtlpEndpoint& endpoint = options.endpoint;
    if (endpoint.tls) {
      auto secure = std::make_unique<httplib::SSLClient>(endpoint.host, endpoint.port);
      if (!options.ca_file.empty()) secure->set_ca_cert_path(options.ca_file);
      client = std::move(secure);
    } else {
      client = std::make_unique<httplib::ClientImpl>(endpoint.host, endpoint.port);
    }
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    client->set_connection_timeout(options.connect_timeout);
    client->set_read_timeout(options.transfer_timeout);
    client->set_write_timeout(options.transfer_timeout);
    // The library would escape what is the path already.
    client->set_url_encode(false);
  }

  // Empty: it has none, or the look-up took too long.
  std::vector<std::string> Addresses() ABSL_LOCKS_EXCLUDED(mu) {
    const std::string& host = options.endpoint.host;
    if (IsAddress(host)) return {host};
    const auto lookup = std::make_shared<Lookup>();
    {
      MutexLock lock(mu);
      if (cancelled) return {};
      current = lookup;
    }
    std::thread([lookup, host] {
      std::vector<std::string> found = AddressesOf(host);
      MutexLock lock(lookup->mu);
      lookup->addresses = std::move(found);
      lookup->done = true;
      lookup->done_changed.NotifyAll();
    }).detach();
    const auto until = std::chrono::steady_clock::now() + options.connect_timeout;
    MutexLock lock(lookup->mu);
    while (!lookup->done && lookup->done_changed.WaitUntil(lookup->mu, until)) {
    }
    return lookup->addresses;
  }

  SendResult SendOnce(const std::string& body, bool& connected) {
    httplib::Request request;
    request.method = "POST";
    request.path = options.endpoint.path;
    for (const auto& [name, value] : options.headers) request.set_header(name, value);
    request.set_header("Content-Type", "application/json");
    request.set_header("User-Agent", options.user_agent);
    request.body = body;
    std::string answer;
    request.content_receiver = [&answer](const char* data, size_t size, uint64_t /*offset*/, uint64_t /*total*/) {
      if (answer.size() + size > kMaxAnswerBytes) return false;
      answer.append(data, size);
      return true;
    };
    const httplib::Result result = client->send(request);
    connected = result.error() != httplib::Error::Connection && result.error() != httplib::Error::ConnectionTimeout;
    if (result != nullptr) return FromAnswer(*result, answer);
    return NoAnswer(absl::StrCat("no answer: ", httplib::to_string(result.error())));
  }

  const OtlpClientOptions options;
  std::unique_ptr<httplib::ClientImpl> client;
  Mutex mu;
  bool cancelled ABSL_GUARDED_BY(mu) = false;
  std::shared_ptr<Lookup> current ABSL_GUARDED_BY(mu);  // the last
};

OtlpClient::OtlpClient(OtlpClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

OtlpClient::~OtlpClient() = default;

SendResult OtlpClient::Send(const std::string& body) {
  bool connected = false;
  if (impl_->client->is_socket_open() > 0) return impl_->SendOnce(body, connected);
  SendResult result = NoAnswer(absl::StrCat("no address was found for ", impl_->options.endpoint.host));
  for (const std::string& address : impl_->Addresses()) {
    {
      MutexLock lock(impl_->mu);
      if (impl_->cancelled) return NoAnswer("cancelled");
    }
    impl_->client->set_hostname_addr_map({{impl_->options.endpoint.host, address}});
    result = impl_->SendOnce(body, connected);
    if (connected) return result;
  }
  return result;
}

void OtlpClient::Cancel() {
  std::shared_ptr<Lookup> lookup;
  {
    MutexLock lock(impl_->mu);
    impl_->cancelled = true;
    lookup = impl_->current;
  }
  if (lookup != nullptr) {
    MutexLock lock(lookup->mu);
    lookup->done = true;
    lookup->done_changed.NotifyAll();
  }
  impl_->client->stop();
}

std::optional<std::chrono::milliseconds> ParseRetryAfter(absl::string_view value) {
  constexpr int64_t kLongest = 86400;  // seconds; whoever says more means "not today"
  int64_t seconds = 0;
  if (absl::SimpleAtoi(value, &seconds)) {
    if (seconds < 0) return std::nullopt;
    return std::chrono::milliseconds(1000 * std::min(seconds, kLongest));
  }
  absl::Time then;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", value, &then, nullptr)) return std::nullopt;
  const absl::Duration left = then - absl::Now();
  if (left <= absl::ZeroDuration()) return std::nullopt;
  return absl::ToChronoMilliseconds(std::min(left, absl::Seconds(kLongest)));
}

}  // namespace bayespfl::server
