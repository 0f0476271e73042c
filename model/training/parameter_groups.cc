#include "model/training/parameter_groups.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace bayespfl {
namespace {

size_t Stage1Group(absl::string_view name) {
  if (absl::StrContains(name, "prompt")) return 0;
  if (absl::StartsWith(name, "temperature_")) return 1;
  const bool of_an_mlp = absl::StrContains(name, "encoder") || absl::StrContains(name, "decoder");
  return absl::StrContains(name, "PFL") && !of_an_mlp ? 2 : 3;
}

bool InStage2(absl::string_view name) {
  return absl::StartsWith(name, "fuse.") || absl::StartsWith(name, "class_mapping.") ||
         absl::StartsWith(name, "image_mapping.");
}

}  // namespace

std::vector<ParameterGroup> ParameterGroups(int stage, const TensorMap& parameters) {
  std::vector<ParameterGroup> groups;
  if (stage == 1) {
    groups = {{.learning_rate = 1e-3}, {.learning_rate = 0.01}, {.learning_rate = 1e-3}, {.learning_rate = 1e-4}};
    for (const auto& [name, tensor] : parameters) groups[Stage1Group(name)].names.push_back(name);
  } else {
    groups = {{.learning_rate = 1e-4}};
    for (const auto& [name, tensor] : parameters) {
      if (InStage2(name)) groups[0].names.push_back(name);
    }
  }
  return groups;
}

TensorMap MembersOf(const std::vector<ParameterGroup>& groups, const TensorMap& parameters) {
  TensorMap members;
  for (const ParameterGroup& group : groups) {
    for (const std::string& name : group.names) members.emplace(name, parameters.at(name));
  }
  return members;
}

}  // namespace bayespfl
