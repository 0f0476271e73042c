#include "model/checkpoint/pickle.h"

#include <bit>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/checkpoint/pickle_bytes.h"
#include "model/checkpoint/pickle_calls.h"
#include "model/checkpoint/shown_name.h"

namespace bayespfl {
namespace {

using Kind = PickleNode::Kind;

// Opcodes of pickle protocol 2 that PyTorch writes (Python's pickletools names them so).
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
};

}  // namespace

// The stack machine; what a pickle may name and call stands in pickle_calls.h. Every opcode either succeeds or leaves
// an error that ends the run.
class PickleMachine {
 public:
  explicit PickleMachine(absl::Span<const uint8_t> bytes) : bytes_(bytes) {}

  absl::StatusOr<Pickle> Run() {
    while (!stopped_) {
      const size_t at = bytes_.position();
      absl::Status status = Step();
      if (!status.ok()) return absl::DataLossError(absl::StrCat("at byte ", at, ": ", status.message()));
    }
    return std::move(result_);
  }

 private:
  static absl::Status Malformed(absl::string_view what) { return absl::DataLossError(what); }
  static absl::Status Underflow() { return Malformed("the stack holds too little"); }

  absl::Status Spend(size_t values) {
    spent_ += values;
    if (spent_ > Pickle::kMaxNodes) {
      return Malformed(absl::StrCat("the pickle holds more than ", Pickle::kMaxNodes, " values"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<PickleNode*> New(Kind kind) {
    if (absl::Status status = Spend(1); !status.ok()) return status;
    PickleNode& node = result_.nodes_.emplace_back();
    node.kind = kind;
    return &node;
  }

  // Makes a node with `fill` and pushes it.
  template <typename Fill>
  absl::Status Push(Kind kind, Fill fill) {
    const absl::StatusOr<PickleNode*> node = New(kind);
    if (!node.ok()) return node.status();
    fill(**node);
    stack_.push_back(*node);
    return absl::OkStatus();
  }
  absl::Status Push(Kind kind) {
    return Push(kind, [](PickleNode&) {});
  }
  absl::Status PushInteger(Kind kind, int64_t value) {
    return Push(kind, [value](PickleNode& node) { node.integer = value; });
  }

  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  absl::StatusOr<PickleNode*> Pop() {
    if (stack_.size() <= floor()) return Underflow();
    PickleNode* node = stack_.back();
    stack_.pop_back();
    return node;
  }

  absl::StatusOr<PickleNode*> Top() const {
    if (stack_.size() <= floor()) return Underflow();
    return stack_.back();
  }

  // What was pushed since the last mark; takes the mark away too.
  absl::StatusOr<std::vector<const PickleNode*>> PopToMark() {
    if (marks_.empty()) return Malformed("there is no mark");
    const auto begin = stack_.begin() + static_cast<ptrdiff_t>(marks_.back());
    std::vector<const PickleNode*> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }

  absl::Status Step() {
    const absl::StatusOr<uint64_t> opcode = bytes_.TakeInteger(1);
    if (!opcode.ok()) return opcode.status();
    switch (static_cast<Opcode>(*opcode)) {
      case kProto:
        return Protocol();
      case kMark:
        marks_.push_back(stack_.size());
        return Spend(1);
      case kStop:
        return Stop();
      case kNone:
        return Push(Kind::kNone);
      case kNewTrue:
        return PushInteger(Kind::kBool, 1);
      case kNewFalse:
        return PushInteger(Kind::kBool, 0);
      case kEmptyDict:
        return Push(Kind::kDict);
      case kEmptyList:
        return Push(Kind::kList);
      case kEmptyTuple:
        return Push(Kind::kTuple);
      case kBinInt1:
        return Integer(1);
      case kBinInt2:
        return Integer(2);
      case kBinInt:
        return Integer(4);
      case kLong1:
        return Long();
      case kBinFloat:
        return Float();
      case kBinUnicode:
        return Unicode();
      case kTuple:
        return TupleToMark();
      case kTuple1:
        return TupleOf(1);
      case kTuple2:
        return TupleOf(2);
      case kTuple3:
        return TupleOf(3);
      case kAppend:
        return Append();
      case kAppends:
        return Appends();
      case kSetItem:
        return SetItem();
      case kSetItems:
        return SetItems();
      case kBinPut:
        return Remember(1);
      case kLongBinPut:
        return Remember(4);
      case kBinGet:
        return Recall(1);
      case kLongBinGet:
        return Recall(4);
      case kGlobal:
        return Global();
      case kBinPersId:
        return PersistentId();
      case kReduce:
        return Reduce();
      case kNewObj:
        return NewObject();
      case kBuild:
        return Build();
    }
    return Malformed(absl::StrCat("opcode 0x", absl::Hex(*opcode, absl::kZeroPad2), " is not allowed"));
  }

  absl::Status Protocol() {
    const absl::StatusOr<uint64_t> version = bytes_.TakeInteger(1);
    if (!version.ok()) return version.status();
    if (*version != 2) return Malformed(absl::StrCat("pickle protocol ", *version, " is not 2"));
    return absl::OkStatus();
  }

  absl::Status Stop() {
    const absl::StatusOr<PickleNode*> root = Pop();
    if (!root.ok()) return root.status();
    if (!stack_.empty() || !marks_.empty() || !bytes_.AtEnd()) return Malformed("the pickle ends too late");
    result_.root_ = *root;
    stopped_ = true;
    return absl::OkStatus();
  }

  absl::Status Integer(size_t bytes) {
    const absl::StatusOr<uint64_t> value = bytes_.TakeInteger(bytes);
    if (!value.ok()) return value.status();
    // Only the four-byte form is signed.
    return PushInteger(Kind::kInt, bytes == 4 ? static_cast<int32_t>(*value) : static_cast<int64_t>(*value));
  }

  absl::Status Long() {
    const absl::StatusOr<uint64_t> length = bytes_.TakeInteger(1);
    if (!length.ok()) return length.status();
    if (*length > 8) return Malformed("an integer has more than 64 bits");
    const absl::StatusOr<uint64_t> value = bytes_.TakeInteger(*length);
    if (!value.ok()) return value.status();
    const auto unused_bits = static_cast<unsigned>(64 - 8 * *length);
    const int64_t wide = unused_bits == 64 ? 0 : static_cast<int64_t>(*value << unused_bits) >> unused_bits;
    return PushInteger(Kind::kInt, wide);
  }

  absl::Status Float() {
    absl::StatusOr<uint64_t> bits = bytes_.TakeInteger(8);
    if (!bits.ok()) return bits.status();
    const double value = std::bit_cast<double>(__builtin_bswap64(*bits));  // the one big-endian opcode
    return Push(Kind::kFloat, [value](PickleNode& node) { node.number = value; });
  }

  absl::Status Unicode() {
    const absl::StatusOr<uint64_t> length = bytes_.TakeInteger(4);
    if (!length.ok()) return length.status();
    absl::StatusOr<std::string> text = bytes_.TakeText(*length);
    if (!text.ok()) return text.status();
    return Push(Kind::kString, [&](PickleNode& node) { node.text = *std::move(text); });
  }

  absl::Status TupleToMark() {
    absl::StatusOr<std::vector<const PickleNode*>> items = PopToMark();
    if (!items.ok()) return items.status();
    return Push(Kind::kTuple, [&](PickleNode& node) { node.items = *std::move(items); });
  }

  absl::Status TupleOf(size_t count) {
    if (stack_.size() < floor() + count) return Underflow();
    const std::vector<const PickleNode*> items(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return Push(Kind::kTuple, [&](PickleNode& node) { node.items = items; });
  }

  absl::Status Append() {
    const absl::StatusOr<PickleNode*> item = Pop();
    if (!item.ok()) return item.status();
    return AppendTo({*item});
  }

  absl::Status Appends() {
    const absl::StatusOr<std::vector<const PickleNode*>> items = PopToMark();
    if (!items.ok()) return items.status();
    return AppendTo(*items);
  }

  absl::Status AppendTo(const std::vector<const PickleNode*>& items) {
    const absl::StatusOr<PickleNode*> list = Top();
    if (!list.ok()) return list.status();
    if ((*list)->kind != Kind::kList) return Malformed("something is appended that is no list");
    (*list)->items.insert((*list)->items.end(), items.begin(), items.end());
    return absl::OkStatus();
  }

  absl::Status SetItem() {
    if (stack_.size() < floor() + 2) return Underflow();
    const std::vector<const PickleNode*> pair(stack_.end() - 2, stack_.end());
    stack_.resize(stack_.size() - 2);
    return SetItemsOf(pair);
  }

  absl::Status SetItems() {
    const absl::StatusOr<std::vector<const PickleNode*>> items = PopToMark();
    if (!items.ok()) return items.status();
    return SetItemsOf(*items);
  }

  absl::Status SetItemsOf(const std::vector<const PickleNode*>& items) {
    const absl::StatusOr<PickleNode*> dict = Top();
    if (!dict.ok()) return dict.status();
    if ((*dict)->kind != Kind::kDict || items.size() % 2 != 0) return Malformed("items are set on no dictionary");
    for (size_t i = 0; i < items.size(); i += 2) (*dict)->entries.emplace_back(items[i], items[i + 1]);
    return absl::OkStatus();
  }

  absl::Status Remember(size_t index_bytes) {
    const absl::StatusOr<uint64_t> index = bytes_.TakeInteger(index_bytes);
    if (!index.ok()) return index.status();
    const absl::StatusOr<PickleNode*> node = Top();
    if (!node.ok()) return node.status();
    memo_[*index] = *node;
    return absl::OkStatus();
  }

  absl::Status Recall(size_t index_bytes) {
    const absl::StatusOr<uint64_t> index = bytes_.TakeInteger(index_bytes);
    if (!index.ok()) return index.status();
    const auto found = memo_.find(*index);
    if (found == memo_.end()) return Malformed(absl::StrCat("memo ", *index, " is empty"));
    stack_.push_back(found->second);
    return absl::OkStatus();
  }

  absl::Status Global() {
    const absl::StatusOr<std::string> module = bytes_.TakeLine();
    if (!module.ok()) return module.status();
    const absl::StatusOr<std::string> name = bytes_.TakeLine();
    if (!name.ok()) return name.status();
    std::string full = absl::StrCat(*module, ".", *name);
    if (!FindPickleGlobal(full)) {
      return Malformed(absl::StrCat("the file wants to call ", ShownName(full),
                                    ", which is not on the list of what a weight file needs"));
    }
    return Push(Kind::kGlobal, [&](PickleNode& node) { node.text = std::move(full); });
  }

  absl::Status PersistentId() {
    const absl::StatusOr<PickleNode*> id = Pop();
    if (!id.ok()) return id.status();
    absl::StatusOr<PickledStorage> storage = StorageOf(**id);
    if (!storage.ok()) return storage.status();
    return Push(Kind::kStorage, [&](PickleNode& node) { node.storage = *std::move(storage); });
  }

  absl::Status Reduce() {
    const absl::StatusOr<PickleNode*> arguments = Pop();
    if (!arguments.ok()) return arguments.status();
    const absl::StatusOr<PickleNode*> callable = Pop();
    if (!callable.ok()) return callable.status();
    if ((*arguments)->kind != Kind::kTuple || (*callable)->kind != Kind::kGlobal) {
      return Malformed("something is called that is no callable");
    }
    return Call((*callable)->text, (*arguments)->items);
  }

  absl::Status Call(absl::string_view name, const std::vector<const PickleNode*>& arguments) {
    const std::optional<PickleGlobal> global = FindPickleGlobal(name);
    if (global == PickleGlobal::kDictionary && arguments.empty()) return Push(Kind::kDict);
    if (global == PickleGlobal::kWrapper && !arguments.empty()) {
      // Nodes are made here alone and all of them are mutable while the pickle is read.
      stack_.push_back(const_cast<PickleNode*>(arguments[0]));
      return absl::OkStatus();
    }
    if (global == PickleGlobal::kTensor) {
      absl::StatusOr<PickledTensor> tensor = TensorOf(arguments);
      if (!tensor.ok()) return tensor.status();
      return Push(Kind::kTensor, [&](PickleNode& node) { node.tensor = *std::move(tensor); });
    }
    return Malformed(absl::StrCat(ShownName(name), " is called with arguments that it never has"));
  }

  absl::Status NewObject() {
    const absl::StatusOr<PickleNode*> arguments = Pop();
    if (!arguments.ok()) return arguments.status();
    const absl::StatusOr<PickleNode*> type = Pop();
    if (!type.ok()) return type.status();
    if ((*type)->kind != Kind::kGlobal || FindPickleGlobal((*type)->text) != PickleGlobal::kScriptType ||
        (*arguments)->kind != Kind::kTuple || !(*arguments)->items.empty()) {
      return Malformed("an object is made that is no TorchScript module");
    }
    return Push(Kind::kObject);
  }

  absl::Status Build() {
    const absl::StatusOr<PickleNode*> state = Pop();
    if (!state.ok()) return state.status();
    const absl::StatusOr<PickleNode*> object = Top();
    if (!object.ok()) return object.status();
    if ((*state)->kind != Kind::kDict) return Malformed("an object's state is no dictionary");
    // torch.save hangs `_metadata` (module versions) on its dictionaries; it says nothing about the weights.
    if ((*object)->kind == Kind::kDict) return absl::OkStatus();
    if ((*object)->kind != Kind::kObject) return Malformed("something has a state that is no object");
    if (absl::Status status = Spend((*state)->entries.size()); !status.ok()) return status;
    (*object)->entries = (*state)->entries;
    return absl::OkStatus();
  }

  PickleBytes bytes_;
  bool stopped_ = false;
  size_t spent_ = 0;
  Pickle result_;
  std::vector<PickleNode*> stack_;
  std::vector<size_t> marks_;
  absl::flat_hash_map<uint64_t, PickleNode*> memo_;
};

absl::StatusOr<Pickle> Pickle::Parse(absl::Span<const uint8_t> bytes) {
  if (bytes.size() > kMaxBytes) {
    return absl::DataLossError(
        absl::StrCat("the pickle has ", bytes.size(), " bytes; at most ", kMaxBytes, " make sense for weights"));
  }
  return PickleMachine(bytes).Run();
}

}  // namespace bayespfl
