#include "model/training_log/event_file.h"

#include <google/protobuf/unknown_field_set.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/training_log/crc32c.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::bayespfl::testing::TemporaryFolder;
using ::google::protobuf::UnknownField;
using ::google::protobuf::UnknownFieldSet;

// A message without its description; shared, since it cannot be copied.
using Message = std::shared_ptr<const UnknownFieldSet>;

Message Parse(absl::string_view bytes) {
  auto message = std::make_shared<UnknownFieldSet>();
  EXPECT_TRUE(message->ParseFromString(std::string(bytes)));
  return message;
}

const absl::Time kNow = absl::FromUnixMillis(1'700'000'000'250);

uint32_t Masked(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U; }

template <typename Value>
Value Take(absl::string_view& bytes) {
  Value value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  bytes.remove_prefix(sizeof(value));
  return value;
}

// The events of the file's records, whose lengths and checksums are checked.
std::vector<Message> ReadEvents(const std::filesystem::path& file) {
  const std::string content = ReadFile(file, 1 << 20).value();
  std::vector<Message> events;
  for (absl::string_view rest = content; !rest.empty();) {
    const absl::string_view length_bytes = rest.substr(0, 8);
    const auto length = Take<uint64_t>(rest);
    EXPECT_EQ(Take<uint32_t>(rest), Masked(Crc32c(length_bytes)));
    const absl::string_view event = rest.substr(0, length);
    rest.remove_prefix(length);
    EXPECT_EQ(Take<uint32_t>(rest), Masked(Crc32c(event)));
    events.push_back(Parse(event));
  }
  return events;
}

const UnknownField& FieldOf(const Message& message, int number) {
  for (int i = 0; i < message->field_count(); ++i) {
    if (message->field(i).number() == number) return message->field(i);
  }
  ADD_FAILURE() << "no field " << number;
  return message->field(0);
}

TEST(EventFileTest, BeginsWithItsVersionAndMakesLaterPointsOfEarlierRunsVoid) {
  const TemporaryFolder folder;

  const auto file = EventFile::Create(folder.path(), 42, kNow);

  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->path().filename().string(), ::testing::StartsWith("events.out.tfevents.1700000000."));
  const std::vector<Message> events = ReadEvents((*file)->path());
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(FieldOf(events[0], 3).length_delimited(), "brain.Event:2");
  EXPECT_EQ(FieldOf(events[1], 2).varint(), 42U);
  EXPECT_EQ(FieldOf(Parse(FieldOf(events[1], 7).length_delimited()), 1).varint(), 1U);  // SessionLog.START
}

TEST(EventFileTest, APointHasItsStepItsTimeAndTheValueOfEachCurve) {
  const TemporaryFolder folder;
  const auto file = EventFile::Create(folder.path(), 0, kNow);
  ASSERT_TRUE(file.ok()) << file.status();

  ASSERT_TRUE((*file)->Add(300, {{"loss/total", 1.5}, {"loss/dice", -0.25}}, kNow).ok());

  const std::vector<Message> events = ReadEvents((*file)->path());
  ASSERT_EQ(events.size(), 3U);
  EXPECT_NEAR(std::bit_cast<double>(FieldOf(events[2], 1).fixed64()), 1'700'000'000.25, 1e-6);
  EXPECT_EQ(FieldOf(events[2], 2).varint(), 300U);
  const Message summary = Parse(FieldOf(events[2], 5).length_delimited());
  ASSERT_EQ(summary->field_count(), 2);
  const Message total = Parse(summary->field(0).length_delimited());
  EXPECT_EQ(FieldOf(total, 1).length_delimited(), "loss/total");
  EXPECT_EQ(std::bit_cast<float>(FieldOf(total, 2).fixed32()), 1.5F);
  const Message dice = Parse(summary->field(1).length_delimited());
  EXPECT_EQ(FieldOf(dice, 1).length_delimited(), "loss/dice");
  EXPECT_EQ(std::bit_cast<float>(FieldOf(dice, 2).fixed32()), -0.25F);
}

TEST(EventFileTest, AFolderThatIsNotThereIsNamed) {
  const auto file = EventFile::Create("/nowhere/at/all", 0, kNow);

  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(file.status().message(), ::testing::HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace bayespfl
