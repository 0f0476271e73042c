// A collector in the process of its tests: keeps the spans that are sent to it, as they came.
#ifndef BAYESPFL_TESTS_SERVER_SPAN_RECEIVER_H_
#define BAYESPFL_TESTS_SERVER_SPAN_RECEIVER_H_

#include "base/http_library.h"

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"

namespace bayespfl::server {

// Thread-safe.
class SpanReceiver {
 public:
  SpanReceiver() {
    server_.Post("/v1/traces", [this](const httplib::Request& request, httplib::Response& response) {
      const nlohmann::json message = nlohmann::json::parse(request.body);
      MutexLock lock(mu_);
      for (const nlohmann::json& resource : message.at("resourceSpans")) {
        resources_.push_back(resource.at("resource"));
        for (const nlohmann::json& scope : resource.at("scopeSpans")) {
          for (const nlohmann::json& span : scope.at("spans")) spans_.push_back(span);
        }
      }
      response.set_content("{}", "application/json");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~SpanReceiver() {
    server_.stop();
    thread_.join();
  }
  SpanReceiver(const SpanReceiver&) = delete;
  SpanReceiver& operator=(const SpanReceiver&) = delete;

  std::string endpoint() const { return absl::StrCat("http://127.0.0.1:", port_); }

  std::vector<nlohmann::json> spans() const {
    MutexLock lock(mu_);
    return spans_;
  }
  // Those of that name.
  std::vector<nlohmann::json> spans(const std::string& name) const {
    std::vector<nlohmann::json> found;
    for (const nlohmann::json& span : spans()) {
      if (span.at("name") == name) found.push_back(span);
    }
    return found;
  }
  // Those below that one.
  std::vector<nlohmann::json> ChildrenOf(const nlohmann::json& parent) const {
    std::vector<nlohmann::json> found;
    for (const nlohmann::json& span : spans()) {
      if (span.value("parentSpanId", "") == parent.at("spanId")) found.push_back(span);
    }
    return found;
  }
  std::vector<nlohmann::json> resources() const {
    MutexLock lock(mu_);
    return resources_;
  }

 private:
  httplib::Server server_;
  int port_ = 0;
  mutable Mutex mu_;
  std::vector<nlohmann::json> spans_ ABSL_GUARDED_BY(mu_);
  std::vector<nlohmann::json> resources_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

// The value of an attribute; null: there is none.
inline nlohmann::json AttributeOf(const nlohmann::json& span, const std::string& key) {
  for (const nlohmann::json& attribute : span.value("attributes", nlohmann::json::array())) {
    if (attribute.at("key") == key) return attribute.at("value").begin().value();
  }
  return nullptr;
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_SPAN_RECEIVER_H_
