// Waiting for other threads.
#ifndef BAYESPFL_TESTS_SERVER_UNTIL_H_
#define BAYESPFL_TESTS_SERVER_UNTIL_H_

#include <thread>

namespace bayespfl::server {

// Waits for a condition that another thread brings about.
template <typename Condition>
void Until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_UNTIL_H_
