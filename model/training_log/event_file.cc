#include "model/training_log/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/files.h"
#include "model/training_log/crc32c.h"

namespace bayespfl {
namespace {

// ------------------------------------------------------------------------------- protocol buffers' wire format

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void AppendVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

template <typename Unsigned>
void AppendLittleEndian(std::string& out, Unsigned value) {
  for (size_t i = 0; i < sizeof(value); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void AppendTag(std::string& out, uint64_t field, WireType type) { AppendVarint(out, field << 3 | type); }

void AppendBytes(std::string& out, uint64_t field, absl::string_view bytes) {
  AppendTag(out, field, kBytes);
  AppendVarint(out, bytes.size());
  absl::StrAppend(&out, bytes);
}

// ------------------------------------------------------------------------------- event.proto, summary.proto

// Event: 1 wall_time (double, seconds), 2 step (int64), and one of 3 file_version, 5 summary, 7 session_log.
std::string Event(int64_t step, absl::Time now, uint64_t field, absl::string_view content) {
  std::string event;
  AppendTag(event, 1, kFixed64);
  AppendLittleEndian(event, std::bit_cast<uint64_t>(absl::ToDoubleSeconds(now - absl::UnixEpoch())));
  AppendTag(event, 2, kVarint);
  AppendVarint(event, static_cast<uint64_t>(step));
  AppendBytes(event, field, content);
  return event;
}

// Summary: 1 value (repeated); Summary.Value: 1 tag, 2 simple_value (float).
std::string Summary(absl::Span<const Scalar> scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars) {
    std::string value;
    AppendBytes(value, 1, scalar.tag);
    AppendTag(value, 2, kFixed32);
    AppendLittleEndian(value, std::bit_cast<uint32_t>(static_cast<float>(scalar.value)));
    AppendBytes(summary, 1, value);
  }
  return summary;
}

// SessionLog: 1 status, where 1 is START.
std::string SessionStart() {
  std::string log;
  AppendTag(log, 1, kVarint);
  AppendVarint(log, 1);
  return log;
}

// A checksum of bytes that hold checksums would be a weak one: TFRecord turns and shifts them.
uint32_t MaskedCrc(absl::string_view bytes) { return std::rotr(Crc32c(bytes), 15) + 0xA282EAD8; }

std::string HostName() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "host";
  return name.data();
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventFile>> EventFile::Create(const std::filesystem::path& folder, int64_t first_step,
                                                             absl::Time now) {
  const std::filesystem::path path =
      folder / absl::StrFormat("events.out.tfevents.%010d.%s.%d", absl::ToUnixSeconds(now), HostName(), getpid());
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) return FileError("create", path, errno);
  std::unique_ptr<EventFile> file(new EventFile(path, descriptor));
  // The version that says that a start makes older points of the same steps void.
  absl::Status written = file->WriteRecord(Event(0, now, 3, "brain.Event:2"));
  if (written.ok()) written = file->WriteRecord(Event(first_step, now, 7, SessionStart()));
  if (!written.ok()) return written;
  return file;
}

EventFile::~EventFile() { close(descriptor_); }

absl::Status EventFile::Add(int64_t step, absl::Span<const Scalar> scalars, absl::Time now) {
  return WriteRecord(Event(step, now, 5, Summary(scalars)));
}

absl::Status EventFile::WriteRecord(absl::string_view event) const {
  std::string record;
  AppendLittleEndian(record, uint64_t{event.size()});
  AppendLittleEndian(record, MaskedCrc(record));
  absl::StrAppend(&record, event);
  AppendLittleEndian(record, MaskedCrc(event));
  return WriteAll(descriptor_, record, path_);
}

}  // namespace bayespfl
