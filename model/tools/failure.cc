#include "model/tools/failure.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"

namespace bayespfl {

void Say(absl::string_view sentence) {
  if (!sentence.empty()) Fail(sentence);
}

int Fail(absl::string_view reason) {
  const std::vector<absl::string_view> lines = absl::StrSplit(reason, '\n');
  const std::string text =
      absl::StrJoin(lines, "\n", [](std::string* out, absl::string_view line) { out->append(EscapeControls(line)); });
  std::fprintf(stderr, "bayespfl-model: %s\n", text.c_str());
  return 1;
}

}  // namespace bayespfl
