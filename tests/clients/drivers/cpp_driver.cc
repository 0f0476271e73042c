// The C++ client's driver: see tests/clients/README.md. A job on standard input, a line of JSON for each frame.
#include <grpcpp/security/credentials.h>

#include <bit>
#include <cstdint>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/sha256.h"
#include "bayespfl/client/errors.h"
#include "bayespfl/client/inspection_client.h"
#include "client/cpp/credentials.h"
#include "client/cpp/pixel_map.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectOptions;
using inspection::v1::InspectResponse;
using Json = nlohmann::json;

const std::map<std::string, uint32_t> kPixelFormats = {
    {"Mono8", 0x01080001},
    {"Mono10", 0x01100003},
    {"Mono12", 0x01100005},
    {"Mono14", 0x01100025},
    {"Mono16", 0x01100007},
    {"Mono10p", 0x010A0046},
    {"Mono12p", 0x010C0047},
    {"Mono10Packed", 0x010C0004},
    {"Mono12Packed", 0x010C0006},
    {"BayerGR8", 0x01080008},
    {"BayerRG8", 0x01080009},
    {"BayerGB8", 0x0108000A},
    {"BayerBG8", 0x0108000B},
    {"BayerGR10", 0x0110000C},
    {"BayerRG10", 0x0110000D},
    {"BayerGB10", 0x0110000E},
    {"BayerBG10", 0x0110000F},
    {"BayerGR12", 0x01100010},
    {"BayerRG12", 0x01100011},
    {"BayerGB12", 0x01100012},
    {"BayerBG12", 0x01100013},
    {"BayerGR16", 0x0110002E},
    {"BayerRG16", 0x0110002F},
    {"BayerGB16", 0x01100030},
    {"BayerBG16", 0x01100031},
    {"BayerGR10Packed", 0x010C0026},
    {"BayerRG10Packed", 0x010C0027},
    {"BayerGB10Packed", 0x010C0028},
    {"BayerBG10Packed", 0x010C0029},
    {"BayerGR12Packed", 0x010C002A},
    {"BayerRG12Packed", 0x010C002B},
    {"BayerGB12Packed", 0x010C002C},
    {"BayerBG12Packed", 0x010C002D},
    {"BayerGR10p", 0x010A0056},
    {"BayerRG10p", 0x010A0058},
    {"BayerGB10p", 0x010A0054},
    {"BayerBG10p", 0x010A0052},
    {"BayerGR12p", 0x010C0057},
    {"BayerRG12p", 0x010C0059},
    {"BayerGB12p", 0x010C0055},
    {"BayerBG12p", 0x010C0053},
    {"RGB8", 0x02180014},
    {"BGR8", 0x02180015},
    {"RGBa8", 0x02200016},
    {"BGRa8", 0x02200017},
    {"RGB10", 0x02300018},
    {"RGB12", 0x0230001A},
    {"RGB16", 0x02300033},
    {"YUV422_8", 0x02100032},
    {"YUV422_8_UYVY", 0x0210001F},
    {"YCbCr422_8", 0x0210003B},
};
const std::map<std::string, inspection::v1::MapEncoding> kMaps = {
    {"png8", inspection::v1::MAP_ENCODING_PNG8},
    {"png16", inspection::v1::MAP_ENCODING_PNG16},
    {"float32", inspection::v1::MAP_ENCODING_FLOAT32},
};
const std::map<std::string, inspection::v1::MaskEncoding> kMasks = {
    {"png8", inspection::v1::MASK_ENCODING_PNG8},
    {"png1", inspection::v1::MASK_ENCODING_PNG1},
    {"coco_rle", inspection::v1::MASK_ENCODING_COCO_RLE},
};
const std::map<std::string, inspection::v1::MapResolution> kResolutions = {
    {"frame", inspection::v1::MAP_RESOLUTION_FRAME},
    {"model", inspection::v1::MAP_RESOLUTION_MODEL},
};
const std::map<std::string, inspection::v1::PictureEncoding> kPictures = {
    {"png", inspection::v1::PICTURE_ENCODING_PNG},
    {"jpeg", inspection::v1::PICTURE_ENCODING_JPEG},
};
const std::map<std::string, inspection::v1::Priority> kPriorities = {
    {"high", inspection::v1::PRIORITY_HIGH},
    {"normal", inspection::v1::PRIORITY_NORMAL},
    {"low", inspection::v1::PRIORITY_LOW},
};

InspectOptions OptionsOf(const Json& frame) {
  InspectOptions options;
  if (frame.contains("category")) options.set_category(frame["category"].get<std::string>());
  const Json said = frame.value("options", Json::object());  // items() does not keep it alive
  for (const auto& [key, value] : said.items()) {
    if (key == "object")
      options.set_object(value.get<std::string>());
    else if (key == "model")
      options.set_model(value.get<std::string>());
    else if (key == "samples")
      options.set_samples(value.get<uint32_t>());
    else if (key == "seed")
      options.set_seed(value.get<uint64_t>());
    else if (key == "random_seed") {
      if (value.get<bool>()) options.set_random_seed(true);
    } else if (key == "anomaly_map")
      options.set_anomaly_map(kMaps.at(value));
    else if (key == "deviation_map")
      options.set_deviation_map(kMaps.at(value));
    else if (key == "mask")
      options.set_mask(kMasks.at(value));
    else if (key == "resolution")
      options.set_resolution(kResolutions.at(value));
    else if (key == "mask_threshold")
      options.set_mask_threshold(value.get<float>());
    else if (key == "max_regions")
      options.mutable_regions()->set_max_regions(value.get<uint32_t>());
    else if (key == "max_contour_points")
      options.mutable_regions()->set_max_contour_points(value.get<uint32_t>());
    else if (key == "inspected_picture")
      options.set_inspected_picture(kPictures.at(value));
    else if (key == "priority")
      options.set_priority(kPriorities.at(value));
    else
      throw std::out_of_range("no such option: " + key);
  }
  return options;
}

// Of a file, which may be empty.
std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inspection::v1::Image ImageOf(const Json& frame) {
  inspection::v1::Image image;
  if (!frame.contains("raw")) {
    image.set_encoded(BytesOf(frame["image"]));
    return image;
  }
  const Json& raw = frame["raw"];
  inspection::v1::RawImage& pixels = *image.mutable_raw();
  pixels.set_data(BytesOf(raw["path"]));
  pixels.set_width(raw["width"]);
  pixels.set_height(raw["height"]);
  pixels.set_stride(raw.value("stride", 0U));
  pixels.set_pfnc_pixel_format(kPixelFormats.at(raw["pixel_format"]));
  pixels.set_max_trailing_bytes(raw.value("max_trailing_bytes", 0U));
  image.set_significant_bits(raw.value("significant_bits", 0U));
  return image;
}

// The frames of the job, one after the other: those with "repeat" are many.
class Frames {
 public:
  explicit Frames(const Json& frames) : frames_(frames) {}

  std::optional<inspection::v1::StreamFrame> Next() {
    while (next_ < frames_.size()) {
      const Json& frame = frames_[next_];
      const bool repeats = frame.contains("repeat");
      if (repeats && repeated_ == frame["repeat"].get<uint64_t>()) {
        repeated_ = 0;
        ++next_;
        continue;
      }
      inspection::v1::StreamFrame result;
      *result.mutable_image() = ImageOf(frame);
      const std::string id = frame["frame_id"];
      result.mutable_metadata()->set_frame_id(repeats ? absl::StrCat(id, "-", repeated_++) : id);
      *result.mutable_options() = OptionsOf(frame);
      if (!repeats) ++next_;
      return result;
    }
    return std::nullopt;
  }

 private:
  const Json& frames_;
  size_t next_ = 0;
  uint64_t repeated_ = 0;  // of the next one
};

std::string Bits(float value) { return absl::StrCat(absl::Hex(std::bit_cast<uint32_t>(value), absl::kZeroPad8)); }
std::string Bits(double value) { return absl::StrCat(absl::Hex(std::bit_cast<uint64_t>(value), absl::kZeroPad16)); }

Json ErrorJson(const absl::Status& status) {
  Json violations = Json::array();
  for (const auto& violation : ViolationsOf(status)) violations.push_back(violation.field());
  const std::optional<absl::Duration> delay = RetryDelayOf(status);
  return {{"code", status.raw_code()},
          {"reason", ErrorReasonName(ErrorReasonOf(status))},
          {"message", std::string(status.message())},
          {"retry_delay_s", delay.has_value() ? Json(absl::ToDoubleSeconds(*delay)) : Json()},
          {"violations", std::move(violations)}};
}

Json MapJson(const inspection::v1::PixelMap& map) {
  const bayespfl::PixelMap pixels = DecodePixelMap(map).value();
  const absl::string_view bytes(reinterpret_cast<const char*>(pixels.values.data()),
                                pixels.values.size() * sizeof(float));
  return {{"width", pixels.width}, {"height", pixels.height}, {"sha256", Sha256Hex(bytes)}};
}

Json MaskJson(const inspection::v1::Mask& mask) {
  const MaskPixels pixels = DecodeMask(mask).value();
  std::string bytes;
  for (const uint8_t value : pixels.values) bytes.push_back(value != 0 ? '\1' : '\0');
  return {{"width", pixels.width},
          {"height", pixels.height},
          {"area_pixels", mask.area_pixels()},
          {"sha256", Sha256Hex(bytes)}};
}

Json RegionJson(const inspection::v1::Region& region) {
  const inspection::v1::Box& box = region.box();
  return {{"box", {Bits(box.x()), Bits(box.y()), Bits(box.width()), Bits(box.height())}},
          {"area_pixels", Bits(region.area_pixels())},
          {"peak", Bits(region.peak())},
          {"mean", Bits(region.mean())},
          {"centroid", {Bits(region.centroid().x()), Bits(region.centroid().y())}},
          {"contour_points", region.contour_size()}};
}

// "FAIL" of VERDICT_FAIL; empty when unspecified.
std::string WithoutPrefix(const std::string& name, const std::string& prefix) {
  const std::string word = name.substr(prefix.size());
  return word == "UNSPECIFIED" ? "" : word;
}

Json ResultJson(const InspectResponse& result) {
  Json regions = Json::array();
  for (const auto& region : result.regions()) regions.push_back(RegionJson(region));
  return {{"ok", true},
          {"verdict", WithoutPrefix(inspection::v1::Verdict_Name(result.verdict()), "VERDICT_")},
          {"decided_by", WithoutPrefix(inspection::v1::DecisionRule_Name(result.decided_by()), "DECISION_RULE_")},
          {"category", result.category()},
          {"object", result.object()},
          {"score", Bits(result.score())},
          {"score_std", Bits(result.score_std())},
          {"map_score", Bits(result.map_score())},
          {"mixed_score", result.has_mixed_score() ? Json(Bits(result.mixed_score())) : Json()},
          {"mask_area_fraction", Bits(result.mask_area_fraction())},
          {"largest_region_fraction", Bits(result.largest_region_fraction())},
          {"frame_width", result.frame_width()},
          {"frame_height", result.frame_height()},
          {"mask", result.has_mask() ? MaskJson(result.mask()) : Json()},
          {"anomaly_map", result.has_anomaly_map() ? MapJson(result.anomaly_map()) : Json()},
          {"deviation_map", result.has_deviation_map() ? MapJson(result.deviation_map()) : Json()},
          {"regions", std::move(regions)},
          {"regions_total", result.has_regions_total() ? Json(result.regions_total()) : Json()},
          {"inspected_picture_sha256",
           result.has_inspected_picture() ? Json(Sha256Hex(result.inspected_picture().data())) : Json()},
          {"seed", result.provenance().seed()},
          {"samples", result.provenance().samples()},
          {"result_id", result.provenance().result_id()},
          {"picture_sha256", result.provenance().picture_sha256()}};
}

void PrintFrame(const std::string& id, uint32_t attempts, const absl::StatusOr<InspectResponse>& result) {
  const bool skipped = absl::IsAborted(result.status());
  Json line = result.ok()
                  ? ResultJson(*result)
                  : Json{{"ok", false}, {"skipped", skipped}, {"error", skipped ? Json() : ErrorJson(result.status())}};
  line["frame_id"] = id;
  line["attempts"] = attempts;
  std::cout << line.dump() << std::endl;
}

absl::StatusOr<std::unique_ptr<InspectionClient>> ClientOf(const Json& job) {
  const Json settings = job.value("client", Json::object());
  const auto seconds = [&settings](const char* key, absl::Duration otherwise) {
    return settings.contains(key) ? absl::Seconds(settings[key].get<double>()) : otherwise;
  };
  ClientOptions options;
  options.target = job["target"];
  options.timeout = seconds("timeout_s", options.timeout);
  options.connect_timeout = seconds("connect_timeout_s", options.connect_timeout);
  options.wait_for_ready = settings.value("wait_for_ready", options.wait_for_ready);
  options.keepalive_time = seconds("keepalive_s", options.keepalive_time);
  options.min_dns_interval = seconds("dns_min_interval_s", options.min_dns_interval);
  options.max_message_bytes = settings.value("max_message_bytes", options.max_message_bytes);
  options.max_reply_bytes = settings.value("max_reply_bytes", options.max_reply_bytes);
  options.token = settings.value("token", "");
  options.tls_server_name = settings.value("tls_server_name", "");
  const auto credentials = ReadTlsCredentials({.ca = settings.value("tls_ca", ""),
                                               .certificate = settings.value("tls_cert", ""),
                                               .key = settings.value("tls_key", "")});
  if (!credentials.ok()) return credentials.status();
  options.credentials = *credentials;
  return InspectionClient::Create(options);
}

absl::Status RunUnary(const InspectionClient& client, const Json& job) {
  Frames frames(job["frames"]);
  while (std::optional<inspection::v1::StreamFrame> frame = frames.Next()) {
    inspection::v1::InspectRequest request;
    *request.mutable_image() = std::move(*frame->mutable_image());
    *request.mutable_metadata() = frame->metadata();
    *request.mutable_options() = frame->options();
    const absl::StatusOr<InspectResponse> result = client.Inspect(std::move(request));
    PrintFrame(frame->metadata().frame_id(),
               result.ok() ? result->metadata().attempt() + 1 : AttemptsOf(result.status()), result);
  }
  return absl::OkStatus();
}

absl::Status RunStream(const InspectionClient& client, const Json& job) {
  const Json settings = job.value("stream", Json::object());
  const Json client_settings = job.value("client", Json::object());
  StreamOptions options;
  options.max_in_flight = settings.value("max_in_flight", options.max_in_flight);
  if (settings.value("latest", false)) options.flow_policy = inspection::v1::FLOW_POLICY_LATEST;
  if (client_settings.contains("timeout_s")) {
    options.frame_timeout = absl::Seconds(client_settings["timeout_s"].get<double>());
  }
  const absl::Duration interval = absl::Seconds(settings.value("interval_s", 0.0));
  Frames frames(job["frames"]);
  return client.InspectStream(
      {}, options,
      [&]() -> std::optional<OutgoingFrame> {
        absl::SleepFor(interval);
        std::optional<inspection::v1::StreamFrame> frame = frames.Next();
        if (!frame.has_value()) return std::nullopt;
        return OutgoingFrame{.frame = *std::move(frame)};
      },
      [](const StreamReply& reply) { PrintFrame(reply.metadata.frame_id(), reply.attempts, reply.result); });
}

int Main() {
  const Json job = Json::parse(std::cin);
  const absl::StatusOr<std::unique_ptr<InspectionClient>> client = ClientOf(job);
  absl::Status end = client.status();
  if (end.ok()) end = job["mode"] == "stream" ? RunStream(**client, job) : RunUnary(**client, job);
  std::cout << Json{{"end", end.ok() ? Json() : ErrorJson(end)}}.dump() << std::endl;
  return 0;
}

}  // namespace
}  // namespace bayespfl::client

// Jobs come from the tests: what does not fit them ends the program.
int main() { return bayespfl::client::Main(); }
