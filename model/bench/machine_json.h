// A machine as the benches' files say it.
#ifndef BAYESPFL_MODEL_BENCH_MACHINE_JSON_H_
#define BAYESPFL_MODEL_BENCH_MACHINE_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>

#include "model/bench/machine.h"

namespace bayespfl {

template <typename T>
nlohmann::ordered_json OrNull(const std::optional<T>& value) {
  return value.has_value() ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

// The key `machine` of every bench: docs/performance.md describes what is in it.
nlohmann::ordered_json MachineJson(const Machine& machine);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_MACHINE_JSON_H_
