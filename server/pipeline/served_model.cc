#include "server/pipeline/served_model.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {

absl::Status CheckModelName(absl::string_view name) {
  const auto alphanumeric = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); };
  const auto allowed = [&alphanumeric](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; };
  if (!name.empty() && name.size() <= kMaxModelNameBytes && alphanumeric(name.front()) &&
      std::all_of(name.begin(), name.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("a model's name has 1 to ", kMaxModelNameBytes,
                                                 " letters, digits, '.', '_' and '-', and does not begin ",
                                                 "with a sign; this one has ", name.size(), " bytes"));
}

}  // namespace bayespfl::server
