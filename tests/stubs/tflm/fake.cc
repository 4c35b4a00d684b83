/* TFLM's interpreter with a network of its own: sums over the window that any change of a number or of the order changes. */
#include <cstdint>

#include "kws_model.h"
#include "kws_tflite.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

static int8_t window[KWS_FRAMES * KWS_FEATURES];
static int8_t scores[KWS_LABELS];
static bool allocated = false;

namespace tflite {

MicroInterpreter::MicroInterpreter(const Model* model, const MicroOpResolver&, uint8_t* tensor_arena,
                                   size_t tensor_arena_size) {
  const unsigned char* bytes = reinterpret_cast<const unsigned char*>(model);
  const bool aligned = reinterpret_cast<uintptr_t>(model) % 16 == 0 && reinterpret_cast<uintptr_t>(tensor_arena) % 16 == 0;
  allocated = aligned && tensor_arena_size == KWS_ARENA_BYTES && bytes[4] == 'T' && bytes[7] == '3';
}

TfLiteStatus MicroInterpreter::AllocateTensors() {
  input_.data.int8 = window;
  input_.bytes = sizeof window;
  output_.data.int8 = scores;
  output_.bytes = sizeof scores;
  return allocated ? kTfLiteOk : kTfLiteError;
}

TfLiteStatus MicroInterpreter::Invoke() {
  uint32_t sum = 1;
  for (int i = 0; i < KWS_FRAMES * KWS_FEATURES; ++i) {
    sum = sum * 31u + static_cast<uint8_t>(window[i]);
  }
  for (int i = 0; i < KWS_LABELS; ++i) {
    scores[i] = static_cast<int8_t>(static_cast<int>(sum >> (3 * i % 24) & 255u) - 128);
  }
  return kTfLiteOk;
}

TfLiteTensor* MicroInterpreter::input(size_t) { return &input_; }
TfLiteTensor* MicroInterpreter::output(size_t) { return &output_; }

}  // namespace tflite
