#include "tests/bench/bench_program.h"

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "base/number_range.h"
#include "base/utf8.h"

namespace bayespfl {

int RunBenchProgram(CLI::App& app, int argc, char** argv, absl::FunctionRef<absl::StatusOr<int>()> run) {
  const auto fail = [&app](absl::string_view reason) {
    std::cerr << app.get_name() << ": " << reason << "\n";
    return EXIT_FAILURE;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help
    return app.exit(done);
  } catch (const CLI::ParseError& error) {
    return fail(absl::StrCat(EscapeControls(error.what()), "; --help says what it takes"));
  }
  std::signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<int> exit_code = run();
  return exit_code.ok() ? *exit_code : fail(exit_code.status().message());
}

std::function<std::string(const std::string&)> Between(double lowest, double highest) {
  return [lowest, highest](const std::string& text) { return CheckNumber(text, lowest, highest); };
}

}  // namespace bayespfl
