// `bayespfl-model convert`: makes a package of upstream weight files, or the authors' file of a package.
#ifndef BAYESPFL_MODEL_TOOLS_CONVERT_H_
#define BAYESPFL_MODEL_TOOLS_CONVERT_H_

#include <string>

#include "model/checkpoint/convert.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct ConvertArguments {
  ConvertOptions options;
  std::string precision = "source";  // "source", "fp32", "bf16", "fp16"
  std::string vocabulary_path;       // empty: the bundled one
  bool as_upstream = false;          // the other way: the authors' file (options.output_dir) of `package_dir`
  std::string package_dir;
};

// Prints what was made. Returns the exit code: 0, or 1 when it could not be made (the reason is on stderr).
int RunConvert(const ConvertArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddConvertCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_CONVERT_H_
