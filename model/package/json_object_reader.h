// Strict reading of the package's JSON files: every key is asked for, and what was not asked for is an error.
#ifndef BAYESPFL_MODEL_PACKAGE_JSON_OBJECT_READER_H_
#define BAYESPFL_MODEL_PACKAGE_JSON_OBJECT_READER_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace bayespfl {

// The text as a JSON object. InvalidArgument, with `file` in front: it is none, it is nested deeper than kMaxJsonDepth
// (strict_json.h), or one of its objects repeats a key.
absl::StatusOr<nlohmann::json> ParseJsonObject(absl::string_view text, absl::string_view file);

// Reads one JSON object key by key. The first thing that is wrong is kept in the shared status as InvalidArgument with
// the file and the key's dotted path; later reads give harmless values, so that callers read straight on and ask once.
// Numbers have a range, both ends included. Not thread-safe.
class JsonObjectReader {
 public:
  // Borrows the object (null: every read gives a harmless value) and the status. `path` is the object's own, "" for the
  // document.
  JsonObjectReader(const nlohmann::json* object, std::string file, std::string path, absl::Status* status);

  JsonObjectReader Object(const std::string& key);
  int64_t Integer(const std::string& key, int64_t low, int64_t high);
  uint64_t Unsigned(const std::string& key);
  double Number(const std::string& key, double low, double high);
  bool Boolean(const std::string& key);
  std::string String(const std::string& key);  // not empty
  std::array<float, 3> Triple(const std::string& key, double low, double high);
  std::vector<int64_t> Integers(const std::string& key, int64_t low, int64_t high);
  std::map<std::string, std::string> StringMap(const std::string& key);

  bool Has(const std::string& key) const;
  // The key is there and its value is not null.
  bool HasValue(const std::string& key) const;
  // The names of all keys.
  std::vector<std::string> Keys() const;
  // Takes the key for known, whatever it holds.
  void Ignore(const std::string& key) { seen_.insert(key); }
  // Puts an error of the caller's own into the status.
  void Fail(const std::string& key, absl::string_view what);
  // Call last: what was not read is unknown.
  void Done();

 private:
  std::string Path(const std::string& key) const;
  const nlohmann::json* Find(const std::string& key);
  double CheckedNumber(const std::string& key, const nlohmann::json& value, double low, double high);

  const nlohmann::json* object_;
  std::string file_;
  std::string path_;
  absl::Status* status_;
  std::set<std::string> seen_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_JSON_OBJECT_READER_H_
