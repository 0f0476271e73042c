// What a hostile client sends below gRPC and into the decoders: HTTP/2 frames made by hand, and files that are not what
// they say.
#ifndef BAYESPFL_TESTS_SERVER_HOSTILE_BYTES_H_
#define BAYESPFL_TESTS_SERVER_HOSTILE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl::server {

// Stand in every picture's bytes and in every token that nobody has, and nowhere else.
inline constexpr absl::string_view kPictureMark = "PICTUREMARK";
inline constexpr absl::string_view kWrongTokenMark = "bpfl_nobodys";

// The method that most calls name.
inline constexpr char kInspectMethod[] = "/bayespfl.inspection.v1.InspectionService/Inspect";

// Types of HTTP/2's frames (RFC 9113, section 6).
enum Http2FrameType : uint8_t {
  kHttp2Data = 0,
  kHttp2Headers = 1,
  kHttp2ResetStream = 3,
  kHttp2Settings = 4,
  kHttp2GoAway = 7,
  kHttp2WindowUpdate = 8,
  kHttp2Continuation = 9,
};

// Always the same ones for a seed.
std::string RandomBytes(size_t count, uint32_t seed);

// The client's connection preface and empty SETTINGS (RFC 9113, section 3.4).
std::string Http2Preface();

// One frame (section 4.1). Neither type nor flags need be known.
std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream, absl::string_view payload);

// The HEADERS that begin a call on `stream`; its fields are literals (RFC 7541, section 6.2.2), so that any byte may
// stand in them. `fields` come after those that gRPC asks for.
std::string Http2Begin(uint32_t stream, absl::string_view path,
                       const std::vector<std::pair<std::string, std::string>>& fields = {});

// The same, and an empty message with the end of the stream.
std::string Http2Call(uint32_t stream, absl::string_view path,
                      const std::vector<std::pair<std::string, std::string>>& fields);

// Whether the bytes from the server hold the begin of an answer: HEADERS, RST_STREAM or GOAWAY.
bool HoldsHttp2Answer(absl::string_view received);

// A PNG whose header promises width x height gray pixels; `data` is what its only IDAT holds.
std::string Png(uint32_t width, uint32_t height, absl::string_view data);

// `size` zeros as a zlib stream: a thousandth of it.
std::string DeflatedZeros(size_t size);

// A JPEG up to its scan, which promises width x height gray pixels and brings none.
std::string JpegWithoutPixels(uint16_t width, uint16_t height);

// The first half of a sound JPEG.
std::string TruncatedJpeg();

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_HOSTILE_BYTES_H_
