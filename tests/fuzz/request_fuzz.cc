// What a client may send: messages of the contract, well-formed or not.
#include <string>

#include "server/api/translate.h"
#include "tests/fuzz/frame_checks.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using bayespfl::fuzz::Check;
namespace v1 = bayespfl::inspection::v1;

template <typename Result>
void CheckRefusal(const Result& result) {
  if (!result.ok()) Check(absl::IsInvalidArgument(result.status()), "another code than InvalidArgument");
}

void CheckFrame(const absl::StatusOr<bayespfl::server::FrameRequest>& frame) {
  CheckRefusal(frame);
  if (!frame.ok()) return;
  bayespfl::fuzz::CheckOptions(frame->options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (v1::InspectRequest request; request.ParseFromString(bytes)) CheckFrame(bayespfl::server::FrameFromProto(request));
  v1::InspectStreamRequest message;
  if (!message.ParseFromString(bytes)) return 0;
  const auto defaults = bayespfl::server::DefaultsFromProto(message.configuration());
  CheckRefusal(defaults);
  const bayespfl::server::StreamDefaults none{};
  CheckFrame(bayespfl::server::FrameFromProto(message.frame(), defaults.ok() ? *defaults : none));
  return 0;
}
