#include "tests/server/hostile_requests.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/kserve_requests.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

v1::Image Pixels() {
  v1::Image image;
  v1::RawImage& raw = *image.mutable_raw();
  raw.set_width(static_cast<uint32_t>(kPictureMark.size()));
  raw.set_height(1);
  raw.set_pfnc_pixel_format(0x01080001);
  raw.set_data(std::string(kPictureMark));
  return image;
}

// Files that promise more than they bring, bring more than they promise, or are none.
std::vector<std::string> WrongFiles() {
  const std::string zeros = DeflatedZeros(size_t{4} << 20);
  return {Png(60'000, 60'000, zeros),
          Png(1U << 31, 1U << 31, kPictureMark),
          Png(300, 300, kPictureMark),
          Png(0, 0, zeros),
          JpegWithoutPixels(65'000, 65'000),
          JpegWithoutPixels(300, 300),
          TruncatedJpeg(),
          absl::StrCat("II*", std::string("\0\xFF\xFF\xFF\xFF", 5), kPictureMark),
          absl::StrCat("RIFF\xFF\xFF\xFF\xFFWEBPVP8 ", kPictureMark),
          absl::StrCat("BM", kPictureMark),
          absl::StrCat("\xFF\xD8\xFF", kPictureMark),
          std::string(kPictureMark),
          RandomBytes(1000, 7)};
}

void AddAbsurdPixels(const std::string& text, std::vector<v1::InspectRequest>& requests) {
  constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
  v1::InspectRequest request = HostileFrame(text);
  v1::RawImage& raw = *request.mutable_image()->mutable_raw();
  for (const uint32_t format : {0x01080001U, 0x010C0047U, 0x02200016U, 99U}) {
    raw.set_pfnc_pixel_format(format);
    for (const uint32_t width : {0U, 1U, kMost}) {
      for (const uint32_t height : {0U, 2U, kMost}) {
        for (const uint32_t stride : {0U, 1U, kMost}) {
          raw.set_width(width);
          raw.set_height(height);
          raw.set_stride(stride);
          requests.push_back(request);
        }
      }
    }
  }
}

std::vector<v1::InspectRequest> AbsurdOptions(const std::string& text) {
  std::vector<v1::InspectRequest> requests(11, HostileFrame(text));
  requests[0].mutable_options()->set_samples(std::numeric_limits<uint32_t>::max());
  requests[1].mutable_options()->set_mask_threshold(std::numeric_limits<float>::quiet_NaN());
  requests[2].mutable_options()->set_anomaly_map(static_cast<v1::MapEncoding>(-7));
  requests[3].mutable_options()->set_resolution(static_cast<v1::MapResolution>(99));
  requests[4].mutable_options()->set_priority(static_cast<v1::Priority>(-1));
  requests[5].mutable_options()->set_model(text);
  requests[6].mutable_image()->set_significant_bits(std::numeric_limits<uint32_t>::max());
  requests[7].mutable_options()->set_category(absl::StrCat("<|", text));
  requests[8].mutable_options()->set_category("");
  requests[9].mutable_options()->set_category(std::string(1000, 'x'));
  requests[10].mutable_metadata()->set_camera_id(std::string(1000, 'x'));
  return requests;
}

}  // namespace

v1::InspectRequest HostileFrame(const std::string& text) {
  v1::InspectRequest request;
  *request.mutable_image() = Pixels();
  request.mutable_metadata()->set_camera_id(absl::StrCat("camera ", text).substr(0, 128));
  request.mutable_metadata()->set_frame_id(absl::StrCat("frame ", text).substr(0, 128));
  request.mutable_metadata()->set_part_id(absl::StrCat("part ", text).substr(0, 128));
  request.mutable_options()->set_category(text);
  return request;
}

// Of pixels, which need no codec.
inference::ModelInferRequest HostileKserveFrame(const std::string& text) {
  inference::ModelInferRequest request = MakePixelRequest({1, 2, 2, 3});
  request.set_id(text);
  *request.mutable_raw_input_contents(0) = absl::StrCat(kPictureMark, "!");
  *request.mutable_raw_input_contents(1) = PackBytes({text});
  return request;
}

std::vector<v1::InspectRequest> WrongFrames(const std::string& text) {
  std::vector<v1::InspectRequest> requests = AbsurdOptions(text);
  AddAbsurdPixels(text, requests);
  for (const std::string& file : WrongFiles()) {
    requests.push_back(HostileFrame(text));
    requests.back().mutable_image()->set_encoded(file);
  }
  return requests;
}

std::vector<inference::ModelInferRequest> WrongKserveFrames(const std::string& word, const std::string& text) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  std::vector<inference::ModelInferRequest> requests(13, HostileKserveFrame(text));
  requests[0].set_model_name(word);
  requests[1].set_model_version(text);
  (*requests[2].mutable_parameters())[text].set_string_param(text);
  (*requests[3].mutable_parameters())["resolution"].set_string_param(text);
  requests[4].mutable_inputs(0)->set_name(text);
  requests[5].add_outputs()->set_name(text);
  requests[6].mutable_inputs(0)->set_datatype(text);
  for (int i = 1; i < 3; ++i) requests[7].mutable_inputs(0)->set_shape(i, kMost);
  requests[8].mutable_inputs(0)->set_shape(1, -1);
  requests[9].mutable_inputs(0)->clear_shape();
  for (int i = 0; i < 1000; ++i) requests[10].mutable_inputs(0)->add_shape(kMost);
  *requests[11].mutable_raw_input_contents(1) = absl::StrCat("\xFF\xFF\xFF\xFF", kPictureMark);
  requests[12].clear_raw_input_contents();
  return requests;
}

}  // namespace bayespfl::server
