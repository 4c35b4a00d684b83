/* Stand-in for TFLM's schema_generated.h. */
#ifndef STAND_IN_SCHEMA_GENERATED_H
#define STAND_IN_SCHEMA_GENERATED_H

namespace tflite {

struct Model;
inline const Model* GetModel(const void* buf) { return static_cast<const Model*>(buf); }

}  // namespace tflite

#endif
