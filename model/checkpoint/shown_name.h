// How names from strangers' files appear in messages.
#ifndef BAYESPFL_MODEL_CHECKPOINT_SHOWN_NAME_H_
#define BAYESPFL_MODEL_CHECKPOINT_SHOWN_NAME_H_

#include <cstddef>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// At most 120 bytes of it, printable: a name may be a megabyte of control characters.
inline std::string ShownName(absl::string_view name) {
  constexpr size_t kMaxBytes = 120;
  return absl::CHexEscape(name.substr(0, kMaxBytes));
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_SHOWN_NAME_H_
