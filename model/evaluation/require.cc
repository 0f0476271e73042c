#include "model/evaluation/require.h"

#include <cstdlib>
#include <iostream>

namespace bayespfl {

void Require(bool condition, absl::string_view message) {
  if (condition) return;
  std::cerr << message << std::endl;
  std::abort();
}

}  // namespace bayespfl
