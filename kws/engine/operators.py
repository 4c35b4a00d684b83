"""The operators of TensorFlow Lite that the engine runs, each with all that it takes: the one list of them.

An operator from outside is one more line:

    from kws.engine.operators import OPERATORS, lookup
    OPERATORS["LEAKY_RELU"] = lookup("my_package:leaky_table", tflm="LeakyRelu", options="LeakyRelu", fields=("Alpha",))

Functions are named, not imported: the modules that hold them look up this list.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Operator:
    """What one operator is, as module:function where it is a function.

    lower   : (Lowering, Layer) -> None: what a layer becomes in rows of time, kws/engine/lowering.py
    compute : (Layer, Graph, *inputs) -> array: what it means, for the oracle, kws/engine/oracle/layers.py
    table   : of an operator on single numbers: (Layer, source, output) -> int8 [256], results for -128 .. 127
    demand  : (Layer, sources, output) -> None: raises ModelError for scales that TFLM refuses, kws/engine/demands.py
    options : TFLite's table of options, without the word; fields : what is read of it
    fused   : whether an activation may be fused to it
    tflm    : MicroMutableOpResolver's method, after the word Add
    """

    tflm: str
    lower: str
    compute: str
    table: str | None = None
    demand: str | None = None
    options: str | None = None
    fields: tuple[str, ...] = ()
    fused: bool = False


LOWERING, ORACLE, DEMANDS = "kws.engine.lowering", "kws.engine.oracle.layers", "kws.engine.demands"
QUANTIZATION = "kws.engine.quantization"
CONVOLUTION = ("StrideH", "StrideW", "DilationHFactor", "DilationWFactor", "Padding")
POOL = ("StrideH", "StrideW", "FilterHeight", "FilterWidth", "Padding")
SLICE = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")


def lookup(table: str, *, tflm: str, demand: str | None = None, options: str | None = None,
           fields: tuple[str, ...] = ()) -> Operator:
    """An operator on single numbers: the engine looks its results up, so there is no kernel to write."""
    return Operator(tflm=tflm, lower=f"{LOWERING}:lookup", compute=f"{ORACLE}:lookup", table=table, demand=demand,
                    options=options, fields=fields)


OPERATORS = {
    "ADD": Operator(tflm="Add", lower=f"{LOWERING}:add_or_mul", compute=f"{ORACLE}:add", demand=f"{DEMANDS}:add",
                    options="Add", fused=True),
    "AVERAGE_POOL_2D": Operator(tflm="AveragePool2D", lower=f"{LOWERING}:pool_2d", compute=f"{ORACLE}:average_pool_2d",
                                demand=f"{DEMANDS}:same_grid", options="Pool2D", fields=POOL, fused=True),
    "CONCATENATION": Operator(tflm="Concatenation", lower=f"{LOWERING}:concatenation",
                              compute=f"{ORACLE}:concatenation", demand=f"{DEMANDS}:same_grid",
                              options="Concatenation", fields=("Axis",), fused=True),
    "CONV_2D": Operator(tflm="Conv2D", lower=f"{LOWERING}:conv_2d", compute=f"{ORACLE}:conv_2d", options="Conv2D",
                        fields=CONVOLUTION, fused=True),
    "DEPTHWISE_CONV_2D": Operator(tflm="DepthwiseConv2D", lower=f"{LOWERING}:depthwise_conv_2d",
                                  compute=f"{ORACLE}:depthwise_conv_2d", options="DepthwiseConv2D",
                                  fields=CONVOLUTION, fused=True),
    "FULLY_CONNECTED": Operator(tflm="FullyConnected", lower=f"{LOWERING}:fully_connected",
                                compute=f"{ORACLE}:fully_connected", demand=f"{DEMANDS}:fully_connected",
                                options="FullyConnected", fused=True),
    "LOGISTIC": lookup(f"{QUANTIZATION}:logistic_table", tflm="Logistic", demand=f"{DEMANDS}:logistic"),
    "MAX_POOL_2D": Operator(tflm="MaxPool2D", lower=f"{LOWERING}:pool_2d", compute=f"{ORACLE}:max_pool_2d",
                            demand=f"{DEMANDS}:same_grid", options="Pool2D", fields=POOL, fused=True),
    "MEAN": Operator(tflm="Mean", lower=f"{LOWERING}:mean", compute=f"{ORACLE}:mean"),
    "MUL": Operator(tflm="Mul", lower=f"{LOWERING}:add_or_mul", compute=f"{ORACLE}:mul", options="Mul", fused=True),
    "PAD": Operator(tflm="Pad", lower=f"{LOWERING}:pad", compute=f"{ORACLE}:pad"),
    "QUANTIZE": lookup(f"{QUANTIZATION}:quantize_table", tflm="Quantize"),
    "RELU": lookup(f"{QUANTIZATION}:relu_table", tflm="Relu"),
    "RELU6": lookup(f"{QUANTIZATION}:relu6_table", tflm="Relu6"),
    "RESHAPE": Operator(tflm="Reshape", lower=f"{LOWERING}:reshape", compute=f"{ORACLE}:reshape"),
    "SOFTMAX": Operator(tflm="Softmax", lower=f"{LOWERING}:softmax", compute=f"{ORACLE}:softmax",
                        demand=f"{DEMANDS}:softmax", options="Softmax", fields=("Beta",)),
    "STRIDED_SLICE": Operator(tflm="StridedSlice", lower=f"{LOWERING}:strided_slice",
                              compute=f"{ORACLE}:strided_slice", options="StridedSlice", fields=SLICE),
}
