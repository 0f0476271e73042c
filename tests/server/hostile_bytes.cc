#include "tests/server/hostile_bytes.h"

#include <zlib.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "tests/server/pictures.h"

namespace bayespfl::server {
namespace {

constexpr size_t kFrameHeaderBytes = 9;
constexpr uint8_t kEndStream = 1;
constexpr uint8_t kEndHeaders = 4;

std::string BigEndian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = bytes; i > 0; --i) text.push_back(static_cast<char>((value >> (8 * (i - 1))) & 0xFFU));
  return text;
}

// A string literal of HPACK (RFC 7541, sections 5.1 and 5.2) without Huffman coding.
std::string HpackString(absl::string_view text) {
  constexpr size_t kPrefix = 127;
  if (text.size() < kPrefix) return absl::StrCat(BigEndian(text.size(), 1), text);
  std::string length(1, static_cast<char>(kPrefix));
  size_t rest = text.size() - kPrefix;
  for (; rest >= 128; rest >>= 7) length.push_back(static_cast<char>(0x80U | (rest & 0x7FU)));
  length.push_back(static_cast<char>(rest));
  return absl::StrCat(length, text);
}

std::string PngChunk(absl::string_view type, absl::string_view data) {
  const std::string body = absl::StrCat(type, data);
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return absl::StrCat(BigEndian(data.size(), 4), body, BigEndian(crc, 4));
}

}  // namespace

std::string RandomBytes(size_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(generator() & 0xFFU));
  return bytes;
}

std::string Http2Preface() {
  return absl::StrCat("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Http2Frame(kHttp2Settings, 0, 0, ""));
}

std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream, absl::string_view payload) {
  return absl::StrCat(BigEndian(payload.size(), 3), BigEndian(type, 1), BigEndian(flags, 1), BigEndian(stream, 4),
                      payload);
}

std::string Http2Begin(uint32_t stream, absl::string_view path,
                       const std::vector<std::pair<std::string, std::string>>& fields) {
  std::vector<std::pair<std::string, std::string>> all = {
      {":method", "POST"},         {":scheme", "http"}, {":path", std::string(path)},
      {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  all.insert(all.end(), fields.begin(), fields.end());
  std::string block;
  for (const auto& [name, value] : all) {
    block.push_back('\0');  // literal without indexing, new name
    absl::StrAppend(&block, HpackString(name), HpackString(value));
  }
  return Http2Frame(kHttp2Headers, kEndHeaders, stream, block);
}

std::string Http2Call(uint32_t stream, absl::string_view path,
                      const std::vector<std::pair<std::string, std::string>>& fields) {
  return absl::StrCat(Http2Begin(stream, path, fields),
                      Http2Frame(kHttp2Data, kEndStream, stream, std::string(5, '\0')));
}

bool HoldsHttp2Answer(absl::string_view received) {
  while (received.size() >= kFrameHeaderBytes) {
    size_t length = kFrameHeaderBytes;
    for (size_t i = 0; i < 3; ++i) length += size_t{static_cast<uint8_t>(received[i])} << (8 * (2 - i));
    const auto type = static_cast<uint8_t>(received[3]);
    if (type == kHttp2Headers || type == kHttp2ResetStream || type == kHttp2GoAway) return true;
    if (received.size() < length) return false;
    received.remove_prefix(length);
  }
  return false;
}

std::string Png(uint32_t width, uint32_t height, absl::string_view data) {
  const std::string header = absl::StrCat(BigEndian(width, 4), BigEndian(height, 4), std::string("\x08\0\0\0\0", 5));
  return absl::StrCat("\x89PNG\r\n\x1A\n", PngChunk("IHDR", header), PngChunk("IDAT", data), PngChunk("IEND", ""));
}

std::string DeflatedZeros(size_t size) {
  const std::string zeros(size, '\0');
  uLongf length = compressBound(size);
  std::string deflated(length, '\0');
  compress2(reinterpret_cast<Bytef*>(deflated.data()), &length, reinterpret_cast<const Bytef*>(zeros.data()), size,
            Z_BEST_COMPRESSION);
  deflated.resize(length);
  return deflated;
}

std::string JpegWithoutPixels(uint16_t width, uint16_t height) {
  const std::string table = absl::StrCat("\xFF\xDB", BigEndian(67, 2), std::string(1, '\0'), std::string(64, '\1'));
  const std::string frame = absl::StrCat("\xFF\xC0", BigEndian(11, 2), "\x08", BigEndian(height, 2),
                                         BigEndian(width, 2), std::string("\1\1\x11\0", 4));
  return absl::StrCat("\xFF\xD8", table, frame, std::string("\xFF\xDA\0\x08\1\1\0\0\x3F\0", 10));
}

std::string TruncatedJpeg() {
  const std::string whole = EncodeJpeg(200, 200);
  return whole.substr(0, whole.size() / 2);
}

}  // namespace bayespfl::server
