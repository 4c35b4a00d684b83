/* SPDX-License-Identifier: Apache-2.0 */
/* Inner loops for processors that multiply two pairs of 16 bits in one instruction: Cortex-M4, M7, M33 with DSP.
 *
 * They are written out because compilers run out of registers in them. Weights of two outputs a and b lie in one
 * halfword, 256 * b + a (packing.py): with the halfwords h and their lower bytes a, widened,
 *     low = sum of a * x    both = sum of h * x = low + 256 * (sum of b * x)
 * so that widening serves four weights. Both are exact: at most KWS_PATCH products of 15 and 7 bits are added up.
 *
 * A sum becomes an int8 as in requantize.h, for outputs where nothing can overflow (kws_op.quick): twice the sum with
 * its bias, times the multiplier, upper word rounded; a shift right whose last bit, the carry, rounds; saturation.
 */
#ifndef KWS_DSP_H
#define KWS_DSP_H

#include <stdint.h>

#include "kws_config.h"

#if KWS_DSP
#include <arm_acle.h>

#define KWS_NAKED __attribute__((naked, noinline))
#define KWS_IN_REGISTERS __attribute__((unused))

/* clang-format off: the instructions stand one to a line. */

/* Outputs' constants (table in r12): bias, multiplier, shift, in r9 to r11; the bias twice, the shift to the right. */
#define KWS_CONSTANTS          \
    "ldmia r12!, {r9-r11}\n\t" \
    "lsls r9, r9, #1\n\t"      \
    "rsbs r11, r11, #0\n\t"

/* A sum, of which `twice` makes twice the sum, to the int8 in the same register; zero point in r1. */
#define KWS_FINISH(sum, twice)                   \
    "add " sum ", r9, " sum ", " twice "\n\t"    \
    "smmulr " sum ", " sum ", r10\n\t"           \
    "add " sum ", " sum ", " sum ", asr #31\n\t" \
    "asrs " sum ", " sum ", r11\n\t"             \
    "adc " sum ", " sum ", r1\n\t"               \
    "ssat " sum ", #8, " sum "\n\t"

#if !defined(KWS_WITHOUT_CONV) || !defined(KWS_WITHOUT_DEPTHWISE)

/* count sums, without their biases, to int8; table : int32 [count][3]. */
static KWS_NAKED void kws_finish_quick(const int32_t *sums KWS_IN_REGISTERS, int32_t zero KWS_IN_REGISTERS,
                                       const int32_t *table KWS_IN_REGISTERS, int8_t *out KWS_IN_REGISTERS,
                                       int32_t count KWS_IN_REGISTERS)
{
    __asm__("push {r9-r11, lr}\n\t"
            "ldr lr, [sp, #16]\n\t"
            "mov r12, r2\n"
            "1:\n\t"
            "ldr r2, [r0], #4\n\t" KWS_CONSTANTS KWS_FINISH("r2", "lsl #1") "strb r2, [r3], #1\n\t"
                                                                            "subs lr, lr, #1\n\t"
                                                                            "bne 1b\n\t"
                                                                            "pop {r9-r11, pc}");
}

#endif

#ifndef KWS_WITHOUT_CONV

/* sums[2 * pairs]: one patch of n numbers, a multiple of 4, at most KWS_PATCH, with the weights of pairs of outputs. */
static KWS_NAKED void kws_dot_pairs(const int16_t *patch KWS_IN_REGISTERS, const int16_t *weights KWS_IN_REGISTERS,
                                    int32_t n KWS_IN_REGISTERS, int32_t pairs KWS_IN_REGISTERS,
                                    int32_t *sums KWS_IN_REGISTERS)
{
#define KWS_TWO_BY_TWO(word, x)         \
    "smlad r5, " word ", " x ", r5\n\t" \
    "sxtb16 " word ", " word "\n\t"     \
    "smlad r4, " word ", " x ", r4\n\t"
    __asm__("push {r0, r4-r11, lr}\n\t"
            "add r2, r0, r2, lsl #1\n"
            "1:\n\t"
            "ldr r0, [sp]\n\t"
            "movs r4, #0\n\t"
            "movs r5, #0\n\t"
            "subs r6, r2, r0\n\t"
            "lsls r6, r6, #28\n\t" /* four numbers beside the eights? */
            "bpl 2f\n\t"
            "ldmia r0!, {r6, r7}\n\t"
            "ldmia r1!, {r10, r11}\n\t" KWS_TWO_BY_TWO("r10", "r6")
                KWS_TWO_BY_TWO("r11", "r7") "cmp r0, r2\n\t"
                                            "beq 3f\n"
                                            "2:\n\t"
                                            "ldmia r0!, {r6-r9}\n\t"
                                            "ldmia r1!, {r10-r12, lr}\n\t" KWS_TWO_BY_TWO("r10", "r6")
                                                KWS_TWO_BY_TWO("r11", "r7") KWS_TWO_BY_TWO("r12", "r8")
                                                    KWS_TWO_BY_TWO("lr", "r9") "cmp r0, r2\n\t"
                                                                               "bne 2b\n"
                                                                               "3:\n\t"
                                                                               "subs r5, r5, r4\n\t"
                                                                               "asrs r5, r5, #8\n\t"
                                                                               "ldr r6, [sp, #40]\n\t"
                                                                               "stmia r6!, {r4, r5}\n\t"
                                                                               "str r6, [sp, #40]\n\t"
                                                                               "subs r3, r3, #1\n\t"
                                                                               "bne 1b\n\t"
                                                                               "pop {r0, r4-r11, pc}");
#undef KWS_TWO_BY_TWO
}

/* Two or three columns with pairs of outputs. patch : the columns' numbers two by two, [n / 2][columns][2]; table :
 * int32 [2 * pairs][3]; out : [columns][outputs]. The code below knows the offsets of the fields and moves them on. */
typedef struct {
    const int16_t *patch, *weights;
    int32_t n, pairs;
    const int32_t *table;
    int8_t *out;
    int32_t zero, outputs;
} kws_tile;

/* For the next pair: patch in r0, weights in r1, their end in lr. Once per pair: what is left of them. */
#define KWS_PAIR_BEGIN      \
    "ldr r0, [sp]\n\t"      \
    "ldmia r0, {r0-r2}\n\t" \
    "add lr, r1, r2, lsl #1\n\t"
#define KWS_PAIR_TABLES           \
    "ldr lr, [sp]\n\t"            \
    "str r1, [lr, #4]\n\t"        \
    "ldrd r12, r0, [lr, #16]\n\t" \
    "ldrd r1, r8, [lr, #24]\n\t"
#define KWS_PAIR_END              \
    "strd r12, r0, [lr, #16]\n\t" \
    "ldr r0, [lr, #12]\n\t"       \
    "subs r0, r0, #1\n\t"         \
    "str r0, [lr, #12]\n\t"       \
    "bne 1b\n\t"                  \
    "pop {r0, r4-r11, pc}"

static KWS_NAKED void kws_two_columns(kws_tile *tile KWS_IN_REGISTERS)
{
#define KWS_TWO_BY_FOUR(word, x0, x1)    \
    "smlad r4, " word ", " x0 ", r4\n\t" \
    "smlad r5, " word ", " x1 ", r5\n\t" \
    "sxtb16 " word ", " word "\n\t"      \
    "smlad r2, " word ", " x0 ", r2\n\t" \
    "smlad r3, " word ", " x1 ", r3\n\t"
#define KWS_FOUR                  \
    "ldrd r10, r11, [r1], #8\n\t" \
    "ldmia r0!, {r6-r9}\n\t" KWS_TWO_BY_FOUR("r10", "r6", "r7") KWS_TWO_BY_FOUR("r11", "r8", "r9")
    __asm__("push {r0, r4-r11, lr}\n"
            "1:\n\t" KWS_PAIR_BEGIN "movs r3, #0\n\t"
            "movs r4, #0\n\t"
            "movs r5, #0\n\t"
            "lsls r2, r2, #29\n\t" /* four numbers beside the eights? */
            "mov r2, #0\n\t"
            "bmi 3f\n"
            "2:\n\t" KWS_FOUR "3:\n\t" KWS_FOUR "cmp r1, lr\n\t"
            "bne 2b\n\t"
            "subs r4, r4, r2\n\t"
            "subs r5, r5, r3\n\t" KWS_PAIR_TABLES KWS_CONSTANTS KWS_FINISH("r2", "lsl #1")
                KWS_FINISH("r3", "lsl #1") "strb r3, [r0, r8]\n\t"
                                           "strb r2, [r0], #1\n\t" KWS_CONSTANTS KWS_FINISH("r4", "asr #7")
                                               KWS_FINISH("r5", "asr #7") "strb r5, [r0, r8]\n\t"
                                                                          "strb r4, [r0], #1\n\t" KWS_PAIR_END);
#undef KWS_FOUR
#undef KWS_TWO_BY_FOUR
}

static KWS_NAKED void kws_three_columns(kws_tile *tile KWS_IN_REGISTERS)
{
#define KWS_TWO_BY_SIX(word)          \
    "ldmia r0!, {r8-r10}\n\t"         \
    "smlad r5, " word ", r8, r5\n\t"  \
    "smlad r6, " word ", r9, r6\n\t"  \
    "smlad r7, " word ", r10, r7\n\t" \
    "sxtb16 " word ", " word "\n\t"   \
    "smlad r2, " word ", r8, r2\n\t"  \
    "smlad r3, " word ", r9, r3\n\t"  \
    "smlad r4, " word ", r10, r4\n\t"
#define KWS_FOUR "ldrd r11, r12, [r1], #8\n\t" KWS_TWO_BY_SIX("r11") KWS_TWO_BY_SIX("r12")
    __asm__("push {r0, r4-r11, lr}\n"
            "1:\n\t" KWS_PAIR_BEGIN "movs r3, #0\n\t"
            "movs r4, #0\n\t"
            "movs r5, #0\n\t"
            "movs r6, #0\n\t"
            "movs r7, #0\n\t"
            "lsls r2, r2, #29\n\t"
            "mov r2, #0\n\t"
            "bmi 3f\n"
            "2:\n\t" KWS_FOUR "3:\n\t" KWS_FOUR "cmp r1, lr\n\t"
            "bne 2b\n\t"
            "subs r5, r5, r2\n\t"
            "subs r6, r6, r3\n\t"
            "subs r7, r7, r4\n\t" KWS_PAIR_TABLES KWS_CONSTANTS KWS_FINISH("r2", "lsl #1") KWS_FINISH("r3", "lsl #1")
                KWS_FINISH("r4", "lsl #1") "strb r3, [r0, r8]\n\t"
                                           "strb r4, [r0, r8, lsl #1]\n\t"
                                           "strb r2, [r0], #1\n\t" KWS_CONSTANTS KWS_FINISH("r5", "asr #7")
                                               KWS_FINISH("r6", "asr #7")
                                                   KWS_FINISH("r7", "asr #7") "strb r6, [r0, r8]\n\t"
                                                                              "strb r7, [r0, r8, lsl #1]\n\t"
                                                                              "strb r5, [r0], #1\n\t" KWS_PAIR_END);
#undef KWS_FOUR
#undef KWS_TWO_BY_SIX
}

#endif

#ifndef KWS_WITHOUT_DEPTHWISE

/* One column of a depthwise convolution, four channels at a time, `fours` times from the first on. seen : where each of
 * the taps starts; weights : [taps][channels]; table : int32 [channels][3]. The code moves the fields on. */
typedef struct {
    const int8_t *const *seen, *const *seen_end;
    const int8_t *weights;
    int32_t channels, channel;
    const int32_t *table;
    int8_t *out;
    int32_t zero, fours;
} kws_lanes;

static KWS_NAKED void kws_depthwise_quick(kws_lanes *lanes KWS_IN_REGISTERS)
{
    __asm__(
        "push {r0, r4-r11, lr}\n"
        "1:\n\t"
        "ldr r4, [sp]\n\t"
        "ldr lr, [r4, #4]\n\t"
        "ldr r0, [r4]\n\t"
        "ldr r1, [r4, #8]\n\t"
        "ldrd r2, r3, [r4, #12]\n\t"
        "add r1, r1, r3\n\t"
        "movs r4, #0\n\t"
        "movs r5, #0\n\t"
        "movs r6, #0\n\t"
        "movs r7, #0\n"
        "2:\n\t"
        "ldr r8, [r0], #4\n\t"
        "ldr r10, [r1]\n\t"
        "ldr r8, [r8, r3]\n\t"
        "add r1, r1, r2\n\t"
        "sxtb16 r11, r10, ror #8\n\t"
        "sxtb16 r10, r10\n\t"
        "sxtb16 r9, r8, ror #8\n\t"
        "sxtb16 r8, r8\n\t"
        "smlabb r5, r9, r11, r5\n\t"
        "smlabb r4, r8, r10, r4\n\t"
        "smlatt r7, r9, r11, r7\n\t"
        "smlatt r6, r8, r10, r6\n\t"
        "cmp r0, lr\n\t"
        "bne 2b\n\t"
        "ldr lr, [sp]\n\t"
        "adds r3, r3, #4\n\t"
        "str r3, [lr, #16]\n\t"
        "ldrd r12, r3, [lr, #20]\n\t"
        "ldrd r1, r2, [lr, #28]\n\t" KWS_CONSTANTS KWS_FINISH("r4", "lsl #1") "strb r4, [r3], #1\n\t" KWS_CONSTANTS
            KWS_FINISH("r5", "lsl #1") "strb r5, [r3], #1\n\t" KWS_CONSTANTS KWS_FINISH(
                "r6", "lsl #1") "strb r6, [r3], #1\n\t" KWS_CONSTANTS KWS_FINISH("r7",
                                                                                 "lsl #1") "strb r7, [r3], #1\n\t"
                                                                                           "strd r12, r3, [lr, #20]\n\t"
                                                                                           "subs r2, r2, #1\n\t"
                                                                                           "str r2, [lr, #32]\n\t"
                                                                                           "bne 1b\n\t"
                                                                                           "pop {r0, r4-r11, pc}");
}

#endif

/* clang-format on */

#endif

#endif
