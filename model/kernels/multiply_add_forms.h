// The forms of MultiplyAdds(), each compiled for its instructions: nothing else may be compiled in their files. Factor
// and addend come from another file, or the compiler leaves out a chain whose value it sees to stay the same.
#ifndef BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_FORMS_H_
#define BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_FORMS_H_

#include <cstdint>

namespace bayespfl {

float MultiplyAddsPlain(int64_t rounds, float factor, float addend);
float MultiplyAddsAvx2(int64_t rounds, float factor, float addend);
float MultiplyAddsAvx512(int64_t rounds, float factor, float addend);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_MULTIPLY_ADD_FORMS_H_
