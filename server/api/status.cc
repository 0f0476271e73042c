#include "server/api/status.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

constexpr std::array<absl::string_view, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

std::string TypeUrl(const google::protobuf::Descriptor* type) {
  return absl::StrCat("type.googleapis.com/", type->full_name());
}

template <typename Message>
void SetDetail(const Message& message, absl::Status& status) {
  status.SetPayload(TypeUrl(Message::descriptor()), absl::Cord(message.SerializeAsString()));
}

}  // namespace

std::string WireMessage(absl::string_view message) {
  std::string text = IsUtf8(message) ? std::string(message) : absl::CHexEscape(message);
  if (text.size() <= kMaxErrorMessageBytes) return text;
  size_t end = kMaxErrorMessageBytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80) --end;  // not within a character
  text.resize(end);
  return text;
}

absl::Status WithRetryInfo(absl::Status status, absl::Duration delay) {
  google::rpc::RetryInfo info;
  info.mutable_retry_delay()->set_seconds(absl::IDivDuration(delay, absl::Seconds(1), &delay));
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  SetDetail(info, status);
  return status;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(TypeUrl(google::rpc::RetryInfo::descriptor()));
  google::rpc::RetryInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return std::nullopt;
  return absl::Seconds(info.retry_delay().seconds()) + absl::Nanoseconds(info.retry_delay().nanos());
}

absl::Duration RetryDelay(const Pipeline& pipeline) {
  return std::clamp(absl::FromChrono(pipeline.RetryDelay()), absl::Milliseconds(10), absl::Seconds(5));
}

absl::Status WithRetryDelay(absl::Status status, const Pipeline& pipeline) {
  if (!absl::IsResourceExhausted(status) || RetryDelayOf(status).has_value()) return status;
  return WithRetryInfo(std::move(status), RetryDelay(pipeline));
}

absl::Status WithErrorInfo(absl::Status status, absl::string_view reason) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kErrorDomain));
  SetDetail(info, status);
  return status;
}

google::rpc::Status ToProto(const absl::Status& status) {
  const absl::Status told = RefusalOf(status) == Refusal::kDraining ? WithErrorInfo(status, kDrainingReason) : status;
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(told.code()));
  proto.set_message(WireMessage(told.message()));
  told.ForEachPayload([&proto](absl::string_view type_url, const absl::Cord& payload) {
    if (type_url == kRefusalPayload) return;
    google::protobuf::Any* detail = proto.add_details();
    detail->set_type_url(std::string(type_url));
    detail->set_value(std::string(payload));
  });
  return proto;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status proto = ToProto(status);
  return {static_cast<grpc::StatusCode>(proto.code()), proto.message(),
          proto.details_size() > 0 ? proto.SerializeAsString() : std::string()};
}

absl::string_view CodeName(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : "UNKNOWN";
}

}  // namespace bayespfl::server
