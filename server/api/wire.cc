#include "server/api/wire.h"

#include <cstdint>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/proto_buffer_reader.h"

namespace bayespfl::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// The type of the part that a field holds; null when it holds none, or is unknown.
const Descriptor* PartOf(const Descriptor& type, uint32_t tag) {
  if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) return nullptr;
  const FieldDescriptor* field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
  return field != nullptr ? field->message_type() : nullptr;
}

// Counts `left` down by the fields up to the end of the part that is being read. False: it fell below 0, or the bytes
// are damaged; a parser gets no further than this either. The depth is that of the type: no request holds itself.
bool CountFields(CodedInputStream& stream, const Descriptor& type, int& left) {
  while (const uint32_t tag = stream.ReadTag()) {
    if (--left < 0) return false;
    const Descriptor* part = PartOf(type, tag);
    if (part == nullptr) {
      // Groups would hide their fields; no request has any.
      if (WireFormatLite::GetTagWireType(tag) == WireFormatLite::WIRETYPE_START_GROUP) left = -1;
      if (left < 0 || !WireFormatLite::SkipField(&stream, tag)) return false;
      continue;
    }
    uint32_t length = 0;
    if (!stream.ReadVarint32(&length)) return false;
    const CodedInputStream::Limit outer = stream.PushLimit(static_cast<int>(length));
    if (!CountFields(stream, *part, left)) return false;
    stream.PopLimit(outer);
  }
  return true;
}

}  // namespace

absl::Status CheckFieldCount(grpc::ByteBuffer& bytes, const Descriptor& type) {
  grpc::ProtoBufferReader reader(&bytes);
  CodedInputStream stream(&reader);
  int left = kMaxMessageFields;
  if (CountFields(stream, type, left) || left >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the message of ", bytes.Length(), " bytes has more than ",
                                                 kMaxMessageFields, " fields, or groups"));
}

}  // namespace bayespfl::server
