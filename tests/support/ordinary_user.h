// For tests of files that may not be read or written: nothing is forbidden to the system's administrator, whom tests in
// containers often run as.
#ifndef BAYESPFL_TESTS_SUPPORT_ORDINARY_USER_H_
#define BAYESPFL_TESTS_SUPPORT_ORDINARY_USER_H_

#include <gtest/gtest.h>
#include <unistd.h>

namespace bayespfl::testing {

// As long as it lives the process has the rights of an ordinary user, who owns no file: of nobody, when it runs as the
// administrator. Folders made by TemporaryFolder are then closed until their permissions are changed.
class OrdinaryUser {
 public:
  OrdinaryUser() : before_(geteuid()) {
    if (before_ == 0 && seteuid(kNobody) != 0) ADD_FAILURE() << "cannot become an ordinary user";
  }
  ~OrdinaryUser() {
    if (before_ == 0 && seteuid(before_) != 0) ADD_FAILURE() << "cannot become the administrator again";
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  const uid_t before_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_ORDINARY_USER_H_
