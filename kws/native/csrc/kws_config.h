/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine is built with. An exported model switches off the kernels that it does not need: its kws_model.h, among
 * the include paths (KWS_MODEL_CONFIG says so to a compiler that cannot look), defines KWS_WITHOUT_ADD and the like, by
 * the names of kws_op_kind. Everywhere else all of them are there.
 */
#ifndef KWS_CONFIG_H
#define KWS_CONFIG_H

#ifdef KWS_MODEL_CONFIG
#include "kws_model.h"
#elif defined(__has_include)
#if __has_include("kws_model.h")
#include "kws_model.h"
#endif
#endif

#ifndef KWS_CONFIGURED
#define KWS_WITH_DCT 1
#define KWS_WITH_TALK 1  /* what the decoder makes of unknown words: talk before a word, their weight */
#define KWS_COMPRESSED 0 /* bytes of the longest row of compressed weights */
#endif

/* Two products of 16 bits in one instruction: Cortex-M4, M7, M33 with DSP and above. */
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define KWS_DSP 1
#else
#define KWS_DSP 0
#endif

/* Keeps the registers of an inner loop to itself. */
#ifdef __GNUC__
#define KWS_NOINLINE __attribute__((noinline))
#else
#define KWS_NOINLINE
#endif

#endif
