/* SPDX-License-Identifier: Apache-2.0 */
#include "kws_net.h"

#include <cstring>

#include "kws_model.h"
#include "kws_tflite.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace
{

alignas(16) uint8_t arena[KWS_ARENA_BYTES];
tflite::MicroInterpreter *ready = nullptr;

using Resolver = tflite::MicroMutableOpResolver<KWS_OPERATOR_COUNT>;

bool AddOperators(Resolver &resolver)
{
#define KWS_ADD(name) &&resolver.Add##name() == kTfLiteOk
    return true KWS_OPERATORS(KWS_ADD);
#undef KWS_ADD
}

} // namespace

int32_t kws_net_init(void)
{
    if (ready != nullptr) {
        return 0;
    }
    static Resolver resolver;
    static const bool added = AddOperators(resolver);
    static tflite::MicroInterpreter interpreter(tflite::GetModel(kws_tflite), resolver, arena, sizeof arena);
    if (!added || interpreter.AllocateTensors() != kTfLiteOk || interpreter.input(0)->bytes != KWS_FRAMES * KWS_FEATURES
        || interpreter.output(0)->bytes != KWS_LABELS) {
        return -1;
    }
    ready = &interpreter;
    return 0;
}

int32_t kws_net_run(const int8_t *window, int8_t *scores)
{
    if (ready == nullptr) {
        return -1;
    }
    std::memcpy(ready->input(0)->data.int8, window, KWS_FRAMES * KWS_FEATURES);
    if (ready->Invoke() != kTfLiteOk) {
        return -1;
    }
    std::memcpy(scores, ready->output(0)->data.int8, KWS_LABELS);
    return 0;
}
