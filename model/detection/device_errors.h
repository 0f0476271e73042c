// The one place where exceptions of LibTorch become statuses.
#ifndef BAYESPFL_MODEL_DETECTION_DEVICE_ERRORS_H_
#define BAYESPFL_MODEL_DETECTION_DEVICE_ERRORS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// What `call` returns; when it throws, a status of this code that says "<what>: <the exception's first line>": the
// lines below it are LibTorch's own stack. When it throws because the device's memory does not suffice, the code is
// ResourceExhausted instead: the device is well, and does smaller work.
absl::Status CatchDeviceErrors(absl::StatusCode code, absl::string_view what, absl::FunctionRef<absl::Status()> call);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_DEVICE_ERRORS_H_
