#include "tests/server/hostile_sockets.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/raw_connection.h"

namespace bayespfl::server {
namespace {

constexpr char kLoadModel[] = "/bayespfl.admin.v1.ModelAdminService/LoadModel";

void SendBytes(int port, const std::string& word) {
  {
    const RawConnection connection(port);
  }
  for (const std::string& bytes :
       {std::string(), std::string("\r\n\r\n"), absl::StrCat("GET /", word, " HTTP/1.1\r\nHost: ", word, "\r\n\r\n"),
        RandomBytes(10'000, 1), std::string("\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03", 11)}) {
    const RawConnection polite(port);
    (void)polite.Send(bytes);
    (void)polite.Finish();
    const RawConnection rude(port);
    (void)rude.Send(bytes);
    rude.EndWithReset();
  }
}

// HTTP/2 that begins well.
void SendBrokenHttp2(int port) {
  std::string garbage = Http2Preface();
  for (uint8_t type = 0; type < 12; ++type) {
    absl::StrAppend(&garbage, Http2Frame(type, type, type % 3, RandomBytes(40, type)));
  }
  std::string resets = Http2Preface();
  for (uint32_t stream = 1; stream < 200; stream += 2) {
    absl::StrAppend(&resets, Http2Call(stream, kInspectMethod, {}),
                    Http2Frame(kHttp2ResetStream, 0, stream, std::string("\0\0\0\x08", 4)));
  }
  for (const std::string& bytes :
       {absl::StrCat(Http2Preface(), RandomBytes(10'000, 2)), garbage, resets,
        absl::StrCat(Http2Preface(), Http2Frame(kHttp2Headers, 0, 1, RandomBytes(100, 3))),  // headers that never end
        absl::StrCat(Http2Preface(), std::string("\xFF\xFF\xFF\x00\x00", 5)),                // a frame of 16 MiB
        absl::StrCat(Http2Preface(), Http2Frame(kHttp2WindowUpdate, 0, 0,
                                                std::string("\x7F\xFF\xFF\xFF", 4)))}) {  // a window too large
    const RawConnection connection(port);
    (void)connection.Send(bytes);
    (void)connection.Finish();
  }
}

}  // namespace

void SpeakHttp(int port, const std::string& word) {
  const std::string end = absl::StrCat(" HTTP/1.1\r\nHost: ", word, "\r\nConnection: close\r\n\r\n");
  const RawConnection half(port);
  (void)half.Send("GET /metrics HTTP/1.1\r\nHost: ");  // and nothing more until the others were answered
  const auto status_of = [port](const std::string& request) {
    const RawConnection connection(port);
    (void)connection.Send(request);
    return connection.ReadUntil([](const std::string& received) { return received.size() >= 12; }).substr(0, 12);
  };
  EXPECT_EQ(status_of(absl::StrCat("GET /", word, end)), "HTTP/1.1 404");
  EXPECT_EQ(status_of(absl::StrCat("GET /metrics?name[]=", word, end)), "HTTP/1.1 200");
  EXPECT_EQ(status_of(absl::StrCat("GET /../../etc/passwd", end)), "HTTP/1.1 404");
  EXPECT_NE(status_of(absl::StrCat(word, " /metrics", end)), "HTTP/1.1 200");
  EXPECT_NE(status_of(absl::StrCat("GET /", std::string(20'000, 'x'), end)), "HTTP/1.1 200");
  EXPECT_NE(status_of(absl::StrCat("POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", kPictureMark)),
            "HTTP/1.1 200");
  EXPECT_NE(status_of("POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"),
            "HTTP/1.1 200");
  const RawConnection gone(port);
  (void)gone.Send(absl::StrCat("GET /metrics", end));
  gone.EndWithReset();
  EXPECT_FALSE(absl::StartsWith(half.Finish(), "HTTP/1.1 200"));
}

void SendOtherBytes(int port, const std::string& word) {
  SendBytes(port, word);
  SendBrokenHttp2(port);
}

void SendHttp2Calls(int port, const std::vector<std::string>& tokens, const std::string& text) {
  for (const std::string& token : tokens) {
    for (const std::string& path : {absl::StrCat("/", text), absl::StrCat(kLoadModel, "\n", text)}) {
      for (const std::string& more : {std::string(), absl::StrCat("\n", kWrongTokenMark, text)}) {
        const RawConnection connection(port);
        (void)connection.Send(absl::StrCat(
            Http2Preface(), Http2Call(1, path, {{"authorization", absl::StrCat("Bearer ", token, more)}})));
        EXPECT_TRUE(HoldsHttp2Answer(connection.ReadUntil(HoldsHttp2Answer)));
      }
    }
  }
}

}  // namespace bayespfl::server
