// 2^r for |r| <= 1/2 by the polynomial of degree 5 whose largest relative error is least, 7.5e-8 (found with Remez'
// algorithm). Coefficients of falling powers.
#ifndef BAYESPFL_MODEL_KERNELS_EXP2_H_
#define BAYESPFL_MODEL_KERNELS_EXP2_H_

namespace bayespfl {

inline constexpr float kExp2Highest = 1.32764722e-3F;
inline constexpr float kExp2Coefficients[] = {9.67554133e-3F, 5.55071327e-2F, 2.40221197e-1F, 6.93146967e-1F,
                                              1.00000007F};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_EXP2_H_
