// Floats as people read them.
#ifndef BAYESPFL_BASE_SHORTEST_DECIMAL_H_
#define BAYESPFL_BASE_SHORTEST_DECIMAL_H_

namespace bayespfl {

// The double with the fewest digits that becomes `value` as a float: 0.93, not 0.9300000071525574. For JSON, which
// writes doubles. Thread-safe.
double ShortestDecimal(float value);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_SHORTEST_DECIMAL_H_
