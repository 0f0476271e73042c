// `bayespfl-model devices`: what there is to compute on, and what a GPU would still need.
#ifndef BAYESPFL_MODEL_TOOLS_DEVICES_H_
#define BAYESPFL_MODEL_TOOLS_DEVICES_H_

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct DeviceSurvey;

// The survey as a page for people: what is there, what is missing, and what `auto` takes.
std::string DescribeDevices(const DeviceSurvey& survey);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code: 0, or with
// --require-gpu 2 when no GPU can be used.
void AddDevicesCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_DEVICES_H_
