/* Stand-in for TFLM's micro_mutable_op_resolver.h: the operators that the exporter knows. */
#ifndef STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H
#define STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H

typedef enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;

namespace tflite {

class MicroOpResolver {
 public:
  virtual ~MicroOpResolver() {}
};

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddAdd() { return Count(); }
  TfLiteStatus AddAveragePool2D() { return Count(); }
  TfLiteStatus AddConcatenation() { return Count(); }
  TfLiteStatus AddConv2D() { return Count(); }
  TfLiteStatus AddDepthwiseConv2D() { return Count(); }
  TfLiteStatus AddFullyConnected() { return Count(); }
  TfLiteStatus AddLogistic() { return Count(); }
  TfLiteStatus AddMaxPool2D() { return Count(); }
  TfLiteStatus AddMean() { return Count(); }
  TfLiteStatus AddMul() { return Count(); }
  TfLiteStatus AddPad() { return Count(); }
  TfLiteStatus AddQuantize() { return Count(); }
  TfLiteStatus AddRelu() { return Count(); }
  TfLiteStatus AddRelu6() { return Count(); }
  TfLiteStatus AddReshape() { return Count(); }
  TfLiteStatus AddSoftmax() { return Count(); }
  TfLiteStatus AddStridedSlice() { return Count(); }

 private:
  TfLiteStatus Count() { return ++count_ <= tOpCount ? kTfLiteOk : kTfLiteError; }
  unsigned int count_ = 0;
};

}  // namespace tflite

#endif
