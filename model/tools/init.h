// `bayespfl-model init`: makes an untrained model.
#ifndef BAYESPFL_MODEL_TOOLS_INIT_H_
#define BAYESPFL_MODEL_TOOLS_INIT_H_

#include "model/checkpoint/init.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

// Fills in the vocabulary, prints what was made. Returns the exit code: 0, or 1 (the reason is on stderr).
int RunInit(InitOptions options);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddInitCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_INIT_H_
