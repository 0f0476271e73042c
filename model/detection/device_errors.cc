#include "model/detection/device_errors.h"

#include <exception>

#include "absl/strings/str_cat.h"

namespace bayespfl {

absl::Status CatchDeviceErrors(absl::StatusCode code, absl::string_view what, absl::FunctionRef<absl::Status()> call) {
  try {
    return call();
  } catch (const std::exception& error) {
    const absl::string_view said = error.what();
    return absl::Status(code, absl::StrCat(what, ": ", said.substr(0, said.find('\n'))));
  }
}

}  // namespace bayespfl
