// Makes PyTorch files byte by byte, good ones and hostile ones, independent of the product's own writers.
#ifndef BAYESPFL_TESTS_MODEL_CHECKPOINT_TORCH_FILES_H_
#define BAYESPFL_TESTS_MODEL_CHECKPOINT_TORCH_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace bayespfl::testing {

// One record of a zip archive.
struct ZipRecord {
  std::string name;
  std::string data;           // as stored
  uint16_t method = 0;        // 0: as it is, 8: deflated (`data` then is the deflated form)
  uint32_t claimed_size = 0;  // uncompressed size that the directory claims; 0: the data's
  bool wrong_crc = false;
};

// The bytes of an archive.
std::string ZipArchive(const std::vector<ZipRecord>& records);

// An archive whose records contain each other (Fifield 2019, "A better zip bomb", without compression): record i is the
// header and the data of record i + 1, the last one `kernel`. Their sizes add up to `names.size()` times the file.
std::string QuotingArchive(const std::vector<std::string>& names, const std::string& kernel);

// `data` deflated, as zip stores it.
std::string Deflated(const std::string& data);

// Pieces of pickles.
std::string PickledText(const std::string& text);
std::string PickledInteger(int64_t value);
std::string PickledTuple(const std::vector<int64_t>& values);

// A call of torch._utils._rebuild_tensor_v2 on an fp32 storage.
struct TensorCall {
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  int64_t storage_elements = 1;
  int64_t offset = 0;
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};
};
std::string TensorOpcodes(const TensorCall& call);

// A whole pickle: a dictionary of one text key and a value given as opcodes.
std::string PickledDictionary(const std::string& key, const std::string& value);

// Little-endian fp32 values.
std::string Floats(const std::vector<float>& values);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_CHECKPOINT_TORCH_FILES_H_
