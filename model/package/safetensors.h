// Reader of the safetensors format (header length, JSON header, raw little-endian data) over a memory-mapped file.
#ifndef BAYESPFL_MODEL_PACKAGE_SAFETENSORS_H_
#define BAYESPFL_MODEL_PACKAGE_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/package/tensor_source.h"

namespace bayespfl {

// Immutable after Open(); every const method may be called from any thread.
class SafetensorsFile final : public TensorSource {
 public:
  // Maps the file and checks its whole header: sizes, types, shapes (overflow), offsets (range, order, overlaps,
  // holes), duplicate names. NotFound: no such file. DataLoss: anything wrong; the message names the tensor or the
  // offset.
  static absl::StatusOr<std::unique_ptr<const SafetensorsFile>> Open(const std::string& path);

  ~SafetensorsFile() override;
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  const std::string& name() const override { return path_; }
  const TensorView* Find(const std::string& tensor) const override;
  // Pages of the file that hold nothing else leave the process; the kernel has them cached, or reads them again.
  void Forget(const TensorView& tensor) const override;
  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  // The whole file, for digests.
  absl::Span<const uint8_t> bytes() const { return {map_, size_}; }

 private:
  SafetensorsFile() = default;
  absl::Status ParseHeader();

  std::string path_;
  const uint8_t* map_ = nullptr;
  size_t size_ = 0;
  std::map<std::string, TensorView> tensors_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_SAFETENSORS_H_
