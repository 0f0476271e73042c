// `bayespfl-model init`: makes an untrained model.
#ifndef BAYESPFL_MODEL_TOOLS_INIT_H_
#define BAYESPFL_MODEL_TOOLS_INIT_H_

#include "model/checkpoint/init.h"

namespace bayespfl {

// Fills in the vocabulary, prints what was made. Returns the exit code: 0, or 1 (the reason is on stderr).
int RunInit(InitOptions options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_INIT_H_
