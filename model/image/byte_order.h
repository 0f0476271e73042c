// Integers out of byte buffers. The caller has checked that the bytes exist.
#ifndef BAYESPFL_MODEL_IMAGE_BYTE_ORDER_H_
#define BAYESPFL_MODEL_IMAGE_BYTE_ORDER_H_

#include <cstdint>

namespace bayespfl::image_internal {

inline uint32_t LoadLittle16(const uint8_t* p) { return p[0] | (uint32_t{p[1]} << 8); }
inline uint32_t LoadLittle24(const uint8_t* p) { return LoadLittle16(p) | (uint32_t{p[2]} << 16); }
inline uint32_t LoadLittle32(const uint8_t* p) { return LoadLittle24(p) | (uint32_t{p[3]} << 24); }
inline uint32_t LoadBig16(const uint8_t* p) { return (uint32_t{p[0]} << 8) | p[1]; }
inline uint32_t LoadBig32(const uint8_t* p) { return (LoadBig16(p) << 16) | LoadBig16(p + 2); }

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_BYTE_ORDER_H_
