// `bayespfl-model verify`: proves that a package can be served.
#ifndef BAYESPFL_MODEL_TOOLS_VERIFY_H_
#define BAYESPFL_MODEL_TOOLS_VERIFY_H_

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct VerifyArguments {
  std::string model_dir;
  std::string device = "auto";
  bool run = true;  // also load it and inspect one gray picture
};

// Prints what was looked at, and the problems on stderr: at most 1,000, then how many more there are, then their
// number. Returns the exit code: 0, or 1 when anything is wrong.
int RunVerify(const VerifyArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddVerifyCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_VERIFY_H_
