#include "model/checkpoint/torch_writer.h"

#include <cstring>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "caffe2/serialize/inline_container.h"
#include "model/libtorch.h"
#include "torch/csrc/jit/api/module.h"

namespace bayespfl {
namespace {

// A tree of modules by dotted names.
struct ModuleTree {
  std::map<std::string, ModuleTree> children;
  std::map<std::string, torch::Tensor> parameters;

  void Add(absl::string_view name, const torch::Tensor& tensor) {
    const size_t dot = name.find('.');
    if (dot == absl::string_view::npos) {
      parameters.emplace(name, tensor);
    } else {
      children[std::string(name.substr(0, dot))].Add(name.substr(dot + 1), tensor);
    }
  }

  torch::jit::Module Build(const std::shared_ptr<torch::jit::CompilationUnit>& unit) const {
    torch::jit::Module module(c10::QualifiedName("__torch__.Holder"), unit, /*shouldMangle=*/true);
    for (const auto& [name, tensor] : parameters) module.register_parameter(name, tensor, /*is_buffer=*/false);
    for (const auto& [name, child] : children) module.register_module(name, child.Build(unit));
    return module;
  }
};

torch::Tensor ToTensor(const NamedTensor& tensor) {
  const std::vector<uint8_t> bytes = tensor.bytes();
  torch::Tensor result =
      torch::empty(tensor.info.shape, tensor.info.dtype == DType::kF16 ? torch::kFloat16 : torch::kFloat32);
  std::memcpy(result.data_ptr(), bytes.data(), bytes.size());
  return result;
}

// The opcodes of pickle protocol 2 that a state dictionary needs.
class Pickler {
 public:
  void Raw(absl::string_view opcodes) { absl::StrAppend(&pickle_, opcodes); }
  void Global(absl::string_view module, absl::string_view name) {
    absl::StrAppend(&pickle_, "c", module, "\n", name, "\n");
  }
  void Text(absl::string_view text) {
    Raw("X");
    Little(static_cast<uint32_t>(text.size()));
    Raw(text);
  }
  void Integer(int64_t value) {
    Raw("\x8a\x08");  // LONG1 of eight bytes
    Little(value);
  }
  void Integers(const std::vector<int64_t>& values) {
    Raw("(");
    for (const int64_t value : values) Integer(value);
    Raw("t");
  }
  void OrderedDictionary() {
    Global("collections", "OrderedDict");
    Raw(")R");
  }
  const std::string& pickle() const { return pickle_; }

 private:
  template <typename Value>
  void Little(Value value) {
    std::string bytes(sizeof(value), '\0');
    std::memcpy(bytes.data(), &value, sizeof(value));
    Raw(bytes);
  }
  std::string pickle_;
};

void PickleTensor(const TensorInfo& info, const std::string& key, Pickler& pickler) {
  std::vector<int64_t> strides(info.shape.size(), 1);
  for (size_t axis = info.shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * info.shape[axis];
  const int64_t elements = info.shape.empty() ? 1 : strides[0] * info.shape[0];
  pickler.Global("torch._utils", "_rebuild_tensor_v2");
  pickler.Raw("((");
  pickler.Text("storage");
  pickler.Global("torch", "FloatStorage");
  pickler.Text(key);
  pickler.Text("cpu");
  pickler.Integer(elements);
  pickler.Raw("tQ");
  pickler.Integer(0);
  pickler.Integers(info.shape);
  pickler.Integers(strides);
  pickler.Raw("\x89");
  pickler.OrderedDictionary();
  pickler.Raw("tR");
}

template <typename Body>
absl::Status CatchingTorch(const std::string& path, Body body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("cannot write ", path, ": ", error.what()));
  }
}

}  // namespace

absl::Status WriteTorchScriptClip(const std::string& path, const std::vector<NamedTensor>& tensors,
                                  int64_t input_resolution, int64_t context_length, int64_t vocabulary_size) {
  return CatchingTorch(path, [&] {
    ModuleTree tree;
    for (const NamedTensor& tensor : tensors) tree.Add(tensor.name, ToTensor(tensor));
    torch::jit::Module module = tree.Build(std::make_shared<torch::jit::CompilationUnit>());
    module.register_buffer("input_resolution", torch::tensor(input_resolution));
    module.register_buffer("context_length", torch::tensor(context_length));
    module.register_buffer("vocab_size", torch::tensor(vocabulary_size));
    module.save(path);
  });
}

absl::Status WriteStateDictionary(const std::string& path, const std::vector<NamedTensor>& tensors) {
  std::map<std::string, std::string> keys;  // storage -> record
  Pickler pickler;
  pickler.Raw("\x80\x02}");
  pickler.Text("MyModel");
  pickler.OrderedDictionary();
  pickler.Raw("(");
  for (const NamedTensor& tensor : tensors) {
    pickler.Text(tensor.name);
    const std::string& key = keys.emplace(tensor.storage, absl::StrCat(keys.size())).first->second;
    PickleTensor(tensor.info, key, pickler);
  }
  pickler.Raw("u}");
  pickler.Text("_metadata");
  pickler.OrderedDictionary();
  pickler.Raw("sbs.");

  return CatchingTorch(path, [&] {
    caffe2::serialize::PyTorchStreamWriter writer(path);
    writer.writeRecord("data.pkl", pickler.pickle().data(), pickler.pickle().size());
    constexpr absl::string_view kByteOrder = "little";
    writer.writeRecord("byteorder", kByteOrder.data(), kByteOrder.size());
    for (const NamedTensor& tensor : tensors) {
      const auto key = keys.extract(tensor.storage);
      if (key.empty()) continue;  // written with an earlier name
      const std::vector<uint8_t> bytes = tensor.bytes();
      writer.writeRecord(absl::StrCat("data/", key.mapped()), bytes.data(), bytes.size());
    }
    writer.writeEndOfFile();
  });
}

}  // namespace bayespfl
