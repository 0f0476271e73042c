#include "tests/model/checkpoint/torch_files.h"

#include <zlib.h>

#include <cstring>
#include <utility>

#include "gtest/gtest.h"

namespace bayespfl::testing {
namespace {

template <typename Value>
void Little(Value value, std::string& out) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  out += bytes;
}

uint32_t Crc(const std::string& data) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
}

// The fields that local headers and the directory share, from "version needed" to "extra length".
void SharedFields(const ZipRecord& record, std::string& out) {
  Little<uint16_t>(20, out);
  Little<uint16_t>(0, out);
  Little(record.method, out);
  Little<uint32_t>(0, out);  // time and date
  Little<uint32_t>(Crc(record.data) ^ (record.wrong_crc ? 1U : 0U), out);
  Little(static_cast<uint32_t>(record.data.size()), out);
  Little(record.claimed_size != 0 ? record.claimed_size : static_cast<uint32_t>(record.data.size()), out);
  Little(static_cast<uint16_t>(record.name.size()), out);
  Little<uint16_t>(0, out);
}

std::string LocalHeader(const ZipRecord& record) {
  std::string header = "PK\x03\x04";
  SharedFields(record, header);
  return header + record.name;
}

std::string DirectoryEntry(const ZipRecord& record, size_t offset) {
  std::string entry = "PK\x01\x02";
  Little<uint16_t>(20, entry);
  SharedFields(record, entry);
  Little<uint16_t>(0, entry);  // comment
  Little<uint32_t>(0, entry);  // disk, internal attributes
  Little<uint32_t>(0, entry);  // external attributes
  Little(static_cast<uint32_t>(offset), entry);
  return entry + record.name;
}

std::string WithDirectory(const std::string& archive, const std::string& directory, size_t records) {
  std::string end = "PK\x05\x06";
  Little<uint32_t>(0, end);  // disks
  Little(static_cast<uint16_t>(records), end);
  Little(static_cast<uint16_t>(records), end);
  Little(static_cast<uint32_t>(directory.size()), end);
  Little(static_cast<uint32_t>(archive.size()), end);
  Little<uint16_t>(0, end);
  return archive + directory + end;
}

}  // namespace

std::string ZipArchive(const std::vector<ZipRecord>& records) {
  std::string archive;
  std::string directory;
  for (const ZipRecord& record : records) {
    directory += DirectoryEntry(record, archive.size());
    archive += LocalHeader(record) + record.data;
  }
  return WithDirectory(archive, directory, records.size());
}

std::string QuotingArchive(const std::vector<std::string>& names, const std::string& kernel) {
  std::string quoted = kernel;
  std::vector<std::pair<ZipRecord, size_t>> records;  // and the bytes from each header to the end
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const ZipRecord record{.name = *name, .data = quoted};
    quoted.insert(0, LocalHeader(record));
    records.emplace_back(record, quoted.size());
  }
  std::string directory;
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    directory += DirectoryEntry(record->first, quoted.size() - record->second);
  }
  return WithDirectory(quoted, directory, names.size());
}

std::string Deflated(const std::string& data) {
  z_stream stream = {};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string PickledText(const std::string& text) {
  std::string out = "X";
  Little(static_cast<uint32_t>(text.size()), out);
  return out + text;
}

std::string PickledInteger(int64_t value) {
  std::string out = "\x8a\x08";
  Little(value, out);
  return out;
}

std::string PickledTuple(const std::vector<int64_t>& values) {
  std::string out = "(";
  for (const int64_t value : values) out += PickledInteger(value);
  return out + "t";
}

std::string TensorOpcodes(const TensorCall& call) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + PickledText("storage") + "ctorch\n" + call.storage_type + "\n" +
         PickledText(call.key) + PickledText("cuda:3") + PickledInteger(call.storage_elements) + "tQ" +
         PickledInteger(call.offset) + PickledTuple(call.shape) + PickledTuple(call.strides) +
         "\x89"
         "ccollections\nOrderedDict\n)RtR";
}

std::string PickledDictionary(const std::string& key, const std::string& value) {
  return "\x80\x02}" + PickledText(key) + value + "s.";
}

std::string Floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

}  // namespace bayespfl::testing
