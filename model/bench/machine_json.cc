#include "model/bench/machine_json.h"

namespace bayespfl {

nlohmann::ordered_json MachineJson(const Machine& machine) {
  return {{"processor", machine.processor},
          {"instructions", machine.instructions},
          {"processors", machine.processors},
          {"cpu_quota", OrNull(machine.cpu_quota)},
          {"load_before", OrNull(machine.load)}};
}

}  // namespace bayespfl
