#include "model/tools/failure.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/utf8.h"

namespace bayespfl {

void Say(absl::string_view sentence) {
  if (sentence.empty()) return;
  const std::vector<absl::string_view> lines = absl::StrSplit(sentence, '\n');
  const std::string text =
      absl::StrJoin(lines, "\n", [](std::string* out, absl::string_view line) { out->append(EscapeControls(line)); });
  std::fprintf(stderr, "bayespfl-model: %s\n", text.c_str());
}

int Fail(absl::string_view reason) {
  Say(reason);
  return 1;
}

void Warn(absl::string_view text) { Say(absl::StrCat("warning: ", text)); }

}  // namespace bayespfl
