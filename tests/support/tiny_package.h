// The tiny model of tests/data/tiny as a package: for tests to which a model's size means nothing but time.
#ifndef BAYESPFL_TESTS_SUPPORT_TINY_PACKAGE_H_
#define BAYESPFL_TESTS_SUPPORT_TINY_PACKAGE_H_

#include "model/package/model_package.h"

namespace bayespfl::testing {

// Opened part by part, since its folder has no vocabulary: with the demo model's, and without digests. Throws, which
// fails the test, when a file is missing or damaged.
ModelPackage TinyPackage();

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_TINY_PACKAGE_H_
