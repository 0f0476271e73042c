// Checks a package as thoroughly as it can be checked without running it.
#ifndef BAYESPFL_MODEL_PACKAGE_VERIFY_H_
#define BAYESPFL_MODEL_PACKAGE_VERIFY_H_

#include <string>
#include <vector>

#include "model/package/model_package.h"

namespace bayespfl {

// Everything that is wrong, one line each; empty: nothing. Looked at: names, shapes and types of all tensors against
// the configuration (missing, left over), infinities and NaNs, and the digests of the files where config.json notes
// them.
std::vector<std::string> VerifyPackage(const ModelPackage& package);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_VERIFY_H_
