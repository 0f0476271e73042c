// Messages from and to byte buffers. The services take bytes, because gRPC's own parsing answers a damaged message with
// UNIMPLEMENTED on a unary call and takes it for the end of a stream.
#ifndef BAYESPFL_SERVER_API_WIRE_H_
#define BAYESPFL_SERVER_API_WIRE_H_

#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/api/unsent_budget.h"

namespace bayespfl::server {

// Fields that a message may have, those of its parts included. Far above what any request needs; a parser turns two
// bytes on the wire, say an empty entry of a repeated field, into a hundred or two of memory. Every byte of packed
// 64-bit numbers, which take eight bytes each, counts as a field too; the only ones that a request needs are the sides
// of a shape.
inline constexpr int kMaxMessageFields = 1 << 14;

// InvalidArgument for the reason MALFORMED_MESSAGE.
absl::Status MalformedMessage(absl::string_view what);

// Walks the fields of a serialised message, and of its parts of message type, without looking at the payloads.
// InvalidArgument: there are more than kMaxMessageFields, or a group. Damage is left to the parser. Leaves `bytes` as
// they are.
absl::Status CheckFieldCount(grpc::ByteBuffer& bytes, const google::protobuf::Descriptor& type);

// Cancelled for the refusal of that name: the call ended before its message was whole.
absl::Status HalfMessage();

// InvalidArgument: the bytes are no such message, or have too many fields. HalfMessage(): there are none, not even of
// an empty message; gRPC hands a unary call over so when its client left, or when it ended it for want of memory.
// Consumes `bytes`. Unknown fields are dropped, those of parts as well: they would count nowhere, and be kept, copied
// and sent back with what they lie in.
template <typename Message>
absl::Status ParseMessage(grpc::ByteBuffer& bytes, Message& message) {
  if (!bytes.Valid()) return HalfMessage();
  const size_t size = bytes.Length();
  const absl::Status few = CheckFieldCount(bytes, *Message::descriptor());
  if (!few.ok()) return few;
  if (grpc::SerializationTraits<Message>::Deserialize(&bytes, &message).ok()) {
    message.DiscardUnknownFields();
    return absl::OkStatus();
  }
  return MalformedMessage(absl::StrCat("the message of ", size, " bytes is no valid ",
                                       Message::descriptor()->full_name(),
                                       ": damaged, or a text field is not valid UTF-8"));
}

// The most bytes that Protobuf puts into one message.
inline constexpr size_t kMaxSerializedBytes = std::numeric_limits<int>::max();

// Internal: the message has more than `max_bytes`, at most kMaxSerializedBytes, or cannot be serialised.
template <typename Message>
absl::StatusOr<grpc::ByteBuffer> SerializeMessage(const Message& message, size_t max_bytes = kMaxSerializedBytes) {
  const size_t size = message.ByteSizeLong();
  if (size > max_bytes) {
    return absl::InternalError(absl::StrCat("the reply would have ", size, " bytes, and a message may have ", max_bytes,
                                            "; ask for fewer or smaller maps and pictures"));
  }
  grpc::ByteBuffer bytes;
  bool own_buffer = false;
  if (!grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own_buffer).ok()) {
    return absl::InternalError("the reply could not be serialized");
  }
  return bytes;
}

// ResourceExhausted for the reason BYTES_FULL: a reply of so many bytes would be one too many beside those that clients
// have not taken. OK: it may be kept.
absl::Status CheckRoomForReply(size_t bytes, const UnsentBudget& unsent);

// A reply that is to be kept until its client takes it. Errors of SerializeMessage() and CheckRoomForReply().
template <typename Message>
absl::StatusOr<grpc::ByteBuffer> SerializeReply(const Message& message, size_t max_bytes, const UnsentBudget& unsent) {
  const absl::Status room = CheckRoomForReply(message.ByteSizeLong(), unsent);
  if (!room.ok()) return room;
  return SerializeMessage(message, max_bytes);
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_WIRE_H_
