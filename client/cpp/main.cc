// bayespfl-client: inspects pictures with an inspection server, from the command line.
#include "client/cpp/commands.h"

int main(int argc, char** argv) { return bayespfl::client::RunClient(argc, argv); }
