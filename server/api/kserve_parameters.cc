#include "server/api/kserve_parameters.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/decode.h"
#include "model/package/model_config.h"
#include "model/verdict/categories.h"

namespace bayespfl::server {
namespace {

using inference::InferParameter;

absl::Status Invalid(absl::string_view key, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat("parameter ", key, ": expected ", expected));
}

// Python clients send every integer as a signed one.
std::optional<uint64_t> IntegerOf(const InferParameter& value) {
  if (value.has_uint64_param()) return value.uint64_param();
  if (value.has_int64_param() && value.int64_param() >= 0) return static_cast<uint64_t>(value.int64_param());
  return std::nullopt;
}

std::optional<double> NumberOf(const InferParameter& value) {
  if (value.has_double_param()) return value.double_param();
  const std::optional<uint64_t> integer = IntegerOf(value);
  return integer.has_value() ? std::optional<double>(static_cast<double>(*integer)) : std::nullopt;
}

absl::Status TakeObject(const InferParameter& value, KserveParameters& out) {
  absl::StatusOr<std::string> object = CategoryKey(value.string_param());
  if (!object.ok()) return Invalid("object", absl::StrCat("a text, 1 to ", kMaxCategoryBytes, " bytes of UTF-8"));
  out.object = *std::move(object);
  return absl::OkStatus();
}

absl::Status TakeSamples(const InferParameter& value, KserveParameters& out) {
  const std::optional<uint64_t> samples = IntegerOf(value);
  if (!samples.has_value() || *samples < 1 || *samples > uint64_t{kMaxSamples}) {
    return Invalid("samples", absl::StrCat("an integer, 1 to ", kMaxSamples));
  }
  out.samples = static_cast<int>(*samples);
  return absl::OkStatus();
}

absl::Status TakeSeed(const InferParameter& value, KserveParameters& out) {
  out.seed = IntegerOf(value);
  return out.seed.has_value() ? absl::OkStatus() : Invalid("seed", "an integer, 0 or more");
}

absl::Status TakeMaskThreshold(const InferParameter& value, KserveParameters& out) {
  const std::optional<double> threshold = NumberOf(value);
  if (!threshold.has_value() || !(*threshold >= 0 && *threshold <= 1)) {  // false for NaN as well
    return Invalid("mask_threshold", "a number, 0 to 1");
  }
  out.mask_threshold = static_cast<float>(*threshold);
  return absl::OkStatus();
}

absl::Status TakeResolution(const InferParameter& value, KserveParameters& out) {
  if (value.string_param() == "frame") {
    out.resolution = MapSize::kFrame;
  } else if (value.string_param() == "model") {
    out.resolution = MapSize::kModel;
  } else {
    return Invalid("resolution", "\"frame\" or \"model\"");
  }
  return absl::OkStatus();
}

absl::Status TakeApplyOrientation(const InferParameter& value, KserveParameters& out) {
  if (!value.has_bool_param()) return Invalid("apply_orientation", "a boolean");
  out.apply_orientation = value.bool_param();
  return absl::OkStatus();
}

absl::Status TakePriority(const InferParameter& value, KserveParameters& out) {
  constexpr std::array<Priority, 4> kByNumber = {Priority::kNormal, Priority::kHigh, Priority::kNormal, Priority::kLow};
  if (const std::optional<uint64_t> number = IntegerOf(value); number.has_value()) {
    out.priority = kByNumber[std::min<uint64_t>(*number, kByNumber.size() - 1)];
  } else if (value.string_param() == "high") {
    out.priority = Priority::kHigh;
  } else if (value.string_param() == "normal") {
    out.priority = Priority::kNormal;
  } else if (value.string_param() == "low") {
    out.priority = Priority::kLow;
  } else {
    return Invalid("priority", "\"high\", \"normal\", \"low\", or an integer, 0 or more");
  }
  return absl::OkStatus();
}

absl::Status TakeSignificantBits(const InferParameter& value, KserveParameters& out) {
  const std::optional<uint64_t> bits = IntegerOf(value);
  if (!bits.has_value() || *bits < kFewestSignificantBits || *bits > kMostSignificantBits) {
    return Invalid("significant_bits",
                   absl::StrCat("an integer, ", kFewestSignificantBits, " to ", kMostSignificantBits));
  }
  out.significant_bits = static_cast<int>(*bits);
  return absl::OkStatus();
}

absl::Status TakeTimeout(const InferParameter& value, KserveParameters& out) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const std::optional<uint64_t> microseconds = IntegerOf(value);
  if (!microseconds.has_value() || *microseconds > kMost) {
    return Invalid("timeout", "an integer, microseconds, 0 or more");
  }
  if (*microseconds > 0) out.timeout = absl::Microseconds(static_cast<int64_t>(*microseconds));
  return absl::OkStatus();
}

absl::Status Ignore(const InferParameter& /*value*/, KserveParameters& /*out*/) { return absl::OkStatus(); }

struct Entry {
  absl::string_view key;
  absl::Status (*take)(const InferParameter&, KserveParameters&);
};
constexpr std::array<Entry, 10> kEntries = {{{"object", TakeObject},
                                             {"samples", TakeSamples},
                                             {"seed", TakeSeed},
                                             {"mask_threshold", TakeMaskThreshold},
                                             {"resolution", TakeResolution},
                                             {"apply_orientation", TakeApplyOrientation},
                                             {"priority", TakePriority},
                                             {"significant_bits", TakeSignificantBits},
                                             {"timeout", TakeTimeout},
                                             {"triton_enable_empty_final_response", Ignore}}};

}  // namespace

absl::StatusOr<KserveParameters> ParametersFromProto(
    const google::protobuf::Map<std::string, InferParameter>& parameters) {
  KserveParameters out;
  for (const auto& [key, value] : parameters) {
    const auto* entry =
        std::find_if(kEntries.begin(), kEntries.end(), [&key = key](const Entry& known) { return known.key == key; });
    if (entry == kEntries.end()) {
      return absl::InvalidArgumentError(
          "the request has a parameter that is not served; served are object, samples, seed, mask_threshold, "
          "resolution, apply_orientation, priority, significant_bits and timeout");
    }
    const absl::Status taken = entry->take(value, out);
    if (!taken.ok()) return taken;
  }
  return out;
}

}  // namespace bayespfl::server
