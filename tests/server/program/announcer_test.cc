#include "server/program/announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class AnnouncerTest : public ::testing::Test {
 protected:
  Logger Create(const std::string& format) {
    return *CreateLogger({.format = format, .write = [this](absl::string_view line) { absl::StrAppend(&log_, line); }});
  }
  // What comes on standard output.
  template <typename Announce>
  static std::string Printed(const Logger& logger, const Announce& announce) {
    ::testing::internal::CaptureStdout();
    {
      Announcer announcer(logger);
      announce(announcer);
    }
    return ::testing::internal::GetCapturedStdout();
  }

  std::string log_;
};

TEST_F(AnnouncerTest, SpeaksInWordsOnStandardOutput) {
  const std::string printed = Printed(Create("text"), [](Announcer& announcer) {
    announcer.Listening("gRPC", "127.0.0.1:50051");
    announcer.Tell("stopping", "the server stops");
  });

  EXPECT_EQ(printed, "bayespfl-server: gRPC listening on 127.0.0.1:50051\nbayespfl-server: stopping\n");
  EXPECT_EQ(log_, "");
}

TEST_F(AnnouncerTest, SpeaksInLinesOfTheLogWithJson) {
  const std::string printed = Printed(Create("json"), [](Announcer& announcer) {
    announcer.Listening("gRPC", "127.0.0.1:50051");
    announcer.Tell("stopping", "the server stops");
  });

  EXPECT_EQ(printed, "");
  EXPECT_THAT(log_,
              AllOf(HasSubstr("\"message\":\"a port is open\",\"port\":\"gRPC\",\"address\":\"127.0.0.1:50051\"}"),
                    HasSubstr("\"message\":\"the server stops\"}")));
}

TEST_F(AnnouncerTest, SaysWhyTheProcessEnds) {
  int exit_code = EXIT_SUCCESS;
  const std::string printed = Printed(Create("text"), [&](const Announcer& announcer) {
    exit_code = announcer.Fail(absl::UnavailableError("cannot listen"));
  });

  EXPECT_EQ(exit_code, EXIT_FAILURE);
  EXPECT_EQ(printed, "");
  EXPECT_EQ(log_, "bayespfl-server: cannot listen\n");
}

TEST_F(AnnouncerTest, SaysWhyTheProcessEndsInALineWithJson) {
  Printed(Create("json"), [](const Announcer& announcer) { announcer.Fail(absl::UnavailableError("cannot listen")); });

  EXPECT_THAT(log_, AllOf(HasSubstr("\"level\":\"error\",\"message\":\"the server cannot go on\""),
                          EndsWith("\"code\":\"UNAVAILABLE\",\"error\":\"cannot listen\"}\n")));
}

TEST_F(AnnouncerTest, WhatWasSaidIsOutWhenTheProcessIsLeft) {
  EXPECT_EXIT(
      {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        const Logger logger = *CreateLogger({});
        Announcer announcer(logger);
        for (int i = 0; i < 100; ++i) logger->Info("a line before");
        announcer.Tell("stopping", "the server stops");
        announcer.Leave(130);
      },
      ::testing::ExitedWithCode(130), "bayespfl-server: stopping");
}

}  // namespace
}  // namespace bayespfl::server
