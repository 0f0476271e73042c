// A file descriptor that is closed when its owner is gone.
#ifndef BAYESPFL_BASE_DESCRIPTOR_H_
#define BAYESPFL_BASE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace bayespfl {

// Moved from, or made of a number below 0, it owns nothing. Not thread-safe.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool valid() const { return number_ >= 0; }
  int get() const { return number_; }

  // Whoever calls it closes the descriptor.
  [[nodiscard]] int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_DESCRIPTOR_H_
