#include "model/checkpoint/torch_archive.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "model/checkpoint/shown_name.h"

namespace bayespfl {
namespace {

// A ViT-L CLIP has 450 records.
constexpr int64_t kMaxRecords = 100'000;

// What the first bytes say about a file that is not a zip archive.
std::string DescribeForeignFile(const std::string& path) {
  std::array<char, 8> head = {};
  std::ifstream(path, std::ios::binary).read(head.data(), head.size());
  const absl::string_view start(head.data(), head.size());
  if (absl::StartsWith(start, "PK\x03\x04")) return "its zip directory is missing: the file is truncated";
  if (absl::StartsWith(start, "\x80\x02")) {
    return "it looks like torch.save's format before PyTorch 1.6; load it once and save it anew with a later version";
  }
  if (absl::StartsWith(start, "<") || absl::StartsWith(start, "version ")) {
    return "it is a text file: perhaps a web page or a Git LFS pointer was saved instead of the weights";
  }
  return "it is not a zip archive";
}

std::string ZipError(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TorchArchive>> TorchArchive::Open(const std::string& path) {
  std::error_code error;
  const uintmax_t file_size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat("cannot open ", path, ": ", error.message()));
  int code = 0;
  zip* handle = zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (handle == nullptr) {
    return absl::DataLossError(absl::StrCat(path, " cannot be read as a PyTorch file: ",
                                            code == ZIP_ER_NOZIP ? DescribeForeignFile(path) : ZipError(code)));
  }
  std::unique_ptr<TorchArchive> archive(new TorchArchive(path, handle));
  if (absl::Status status = archive->ReadDirectory(file_size); !status.ok()) return status;
  if (absl::Status status = archive->CheckByteOrder(); !status.ok()) return status;
  return archive;
}

TorchArchive::~TorchArchive() { zip_discard(archive_); }

absl::Status TorchArchive::ReadDirectory(uint64_t file_size) {
  const auto fail = [this](const auto&... what) { return absl::DataLossError(absl::StrCat(path_, ": ", what...)); };
  const int64_t count = zip_get_num_entries(archive_, 0);
  if (count > kMaxRecords) return fail("the archive has ", count, " records; at most ", kMaxRecords, " make sense");
  std::string folder;
  uint64_t stored_bytes = 0;
  for (int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    const auto index = static_cast<zip_uint64_t>(i);
    constexpr zip_uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive_, index, 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded) {
      return fail("record ", i, " of the archive cannot be read");
    }
    const absl::string_view name = stat.name;
    const size_t slash = name.find('/');
    if (slash == absl::string_view::npos)
      return fail("record \"", ShownName(name), "\" lies outside the archive's folder");
    if (i == 0) folder = std::string(name.substr(0, slash));
    if (name.substr(0, slash) != folder) {
      return fail("record \"", ShownName(name), "\" lies outside the archive's folder \"", ShownName(folder), "\"");
    }
    const bool stored = stat.comp_method == ZIP_CM_STORE && stat.encryption_method == ZIP_EM_NONE;
    if (stored && __builtin_add_overflow(stored_bytes, stat.size, &stored_bytes)) stored_bytes = UINT64_MAX;
    // Overlapping records, a zip bomb without compression, would need more room than there is.
    if (stored_bytes > file_size) return fail("the records claim more bytes than the file has: they overlap");
    if (!records_.emplace(name.substr(slash + 1), Record{index, stat.size, stored}).second) {
      return fail("record \"", ShownName(name), "\" is listed twice");
    }
  }
  if (!records_.contains("data.pkl")) return fail("the archive has no data.pkl: not a PyTorch file");
  return absl::OkStatus();
}

absl::Status TorchArchive::CheckByteOrder() const {
  const auto found = records_.find("byteorder");
  if (found == records_.end()) return absl::OkStatus();  // files before PyTorch 2.1: always little endian
  constexpr absl::string_view kLittle = "little";
  std::array<uint8_t, kLittle.size()> order = {};
  if (found->second.size != kLittle.size() || !Read("byteorder", absl::MakeSpan(order)).ok() ||
      !std::equal(kLittle.begin(), kLittle.end(), order.begin())) {
    return absl::DataLossError(absl::StrCat(path_, ": record \"byteorder\" does not say \"little\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<const TorchArchive::Record*> TorchArchive::Find(absl::string_view record) const {
  const auto found = records_.find(record);
  if (found == records_.end()) {
    return absl::DataLossError(absl::StrCat(path_, ": record \"", ShownName(record), "\" is missing"));
  }
  if (!found->second.stored) {
    return absl::DataLossError(absl::StrCat(path_, ": record \"", ShownName(record),
                                            "\" is compressed or encrypted; PyTorch stores it as it is"));
  }
  return &found->second;
}

absl::StatusOr<uint64_t> TorchArchive::Size(absl::string_view record) const {
  const absl::StatusOr<const Record*> found = Find(record);
  if (!found.ok()) return found.status();
  return (*found)->size;
}

absl::Status TorchArchive::Read(absl::string_view record, absl::Span<uint8_t> out) const {
  const absl::StatusOr<const Record*> found = Find(record);
  if (!found.ok()) return found.status();
  const auto fail = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(path_, ": record \"", ShownName(record), "\" ", what));
  };
  if ((*found)->size != out.size()) {
    return fail(absl::StrCat("has ", (*found)->size, " bytes where ", out.size(), " are expected"));
  }
  zip_file_t* file = zip_fopen_index(archive_, (*found)->index, 0);
  if (file == nullptr) return fail(absl::StrCat("cannot be opened: ", zip_strerror(archive_)));
  size_t done = 0;
  zip_int64_t got = 1;
  while (done < out.size() && got > 0) {
    got = zip_fread(file, out.data() + done, out.size() - done);
    if (got > 0) done += static_cast<size_t>(got);
  }
  // libzip compares the CRC when it reads past the last byte.
  uint8_t beyond = 0;
  if (got >= 0) got = zip_fread(file, &beyond, 1);
  const std::string reason = zip_file_strerror(file);
  zip_fclose(file);
  if (got < 0) return fail(absl::StrCat("is damaged: ", reason));
  if (done != out.size() || got != 0) return fail("has another length than its directory says");
  return absl::OkStatus();
}

}  // namespace bayespfl
