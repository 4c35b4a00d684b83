/* Stand-in for TFLM's micro_interpreter.h: what kws_net.cc uses. Invoke() is a function of the test. */
#ifndef STAND_IN_MICRO_INTERPRETER_H
#define STAND_IN_MICRO_INTERPRETER_H

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

typedef union TfLitePtrUnion {
  int32_t* i32;
  float* f;
  int8_t* int8;
} TfLitePtrUnion;

struct TfLiteTensor {
  TfLitePtrUnion data;
  size_t bytes;
};

namespace tflite {

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, uint8_t* tensor_arena,
                   size_t tensor_arena_size);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(size_t index);
  TfLiteTensor* output(size_t index);

 private:
  TfLiteTensor input_;
  TfLiteTensor output_;
};

}  // namespace tflite

#endif
