#include "server/api/wire.h"

#include <climits>
#include <cstdint>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Packed numbers that grow eightfold in memory: a byte of the wire may be one of them.
bool IsPackedWide(const FieldDescriptor& field) {
  return field.is_packable() &&
         (field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 || field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64);
}

bool CountFields(CodedInputStream& stream, const Descriptor& type, int& left);

// The same for a field with a length; null: an unknown one.
bool CountContent(CodedInputStream& stream, const FieldDescriptor* field, int& left) {
  uint32_t length = 0;
  if (!stream.ReadVarint32(&length) || length > INT_MAX) return false;
  if (field != nullptr && field->message_type() != nullptr) {
    const CodedInputStream::Limit outer = stream.PushLimit(static_cast<int>(length));
    if (!CountFields(stream, *field->message_type(), left)) return false;
    stream.PopLimit(outer);
    return true;
  }
  if (field != nullptr && IsPackedWide(*field)) left -= static_cast<int>(length);
  return left >= 0 && stream.Skip(static_cast<int>(length));
}

// Counts `left` down by the fields up to the end of the part that is being read. False: it fell below 0, or the bytes
// are damaged; a parser gets no further than this either. The depth is that of the type: no request holds itself.
bool CountFields(CodedInputStream& stream, const Descriptor& type, int& left) {
  while (const uint32_t tag = stream.ReadTag()) {
    if (--left < 0) return false;
    const WireFormatLite::WireType wire_type = WireFormatLite::GetTagWireType(tag);
    // Groups would hide their fields; no request has any.
    if (wire_type == WireFormatLite::WIRETYPE_START_GROUP) left = -1;
    if (left < 0) return false;
    const bool counted =
        wire_type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED
            ? CountContent(stream, type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag)), left)
            : WireFormatLite::SkipField(&stream, tag);
    if (!counted) return false;
  }
  return true;
}

}  // namespace

absl::Status MalformedMessage(absl::string_view what) {
  return WithReason(absl::InvalidArgumentError(what), ErrorReason::kMalformedMessage);
}

absl::Status CheckRoomForReply(size_t bytes, const UnsentBudget& unsent) {
  if (unsent.Fits(static_cast<int64_t>(bytes))) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                        "the server is full: ", unsent.bytes(), " bytes of replies wait for clients that do not take ",
                        "them, and this one has ", bytes, "; twice max_unsent_bytes may wait")),
                    ErrorReason::kBytesFull);
}

absl::Status HalfMessage() {
  return WithRefusal(absl::CancelledError("the call ended before its message was whole"), Refusal::kCancelled);
}

absl::Status CheckFieldCount(grpc::ByteBuffer& bytes, const Descriptor& type) {
  grpc::ProtoBufferReader reader(&bytes);
  CodedInputStream stream(&reader);
  int left = kMaxMessageFields;
  if (CountFields(stream, type, left) || left >= 0) return absl::OkStatus();
  return MalformedMessage(absl::StrCat("the message of ", bytes.Length(), " bytes has more than ", kMaxMessageFields,
                                       " fields, or groups"));
}

}  // namespace bayespfl::server
