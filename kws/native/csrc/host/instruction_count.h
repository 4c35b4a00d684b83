/* SPDX-License-Identifier: Apache-2.0 */
/* Counts the instructions of an emulated Thumb program by function and by stage. For the PC only: an export leaves it out.
 *
 * The emulator calls kws_count_block before every basic block that it runs. Every instruction of the block counts as one,
 * also those that their condition skips: the processor fetches them and spends a cycle on them.
 */
#ifndef KWS_INSTRUCTION_COUNT_H
#define KWS_INSTRUCTION_COUNT_H

#include <stdint.h>

#define KWS_COUNT_CALLER 0 /* stage of functions that work for their caller: memcpy, long division */

/* The caller owns everything. */
typedef struct kws_instruction_count {
    uint64_t base;         /* address of code[0] */
    uint32_t halfwords;    /* of the program */
    const uint16_t *code;  /* [halfwords] */
    const uint16_t *owner; /* [halfwords] the function that the halfword belongs to */
    const uint8_t *stage;  /* [functions] its stage; KWS_COUNT_CALLER: that of the block before */
    uint64_t *functions;   /* [functions] instructions executed */
    uint64_t *stages;      /* [stages] */
    uint64_t strayed;      /* blocks outside the program */
    uint32_t current;      /* stage of the last block */
} kws_instruction_count;

/* Instructions in `halfwords` halfwords of Thumb code. */
uint32_t kws_count_instructions(const uint16_t *code, uint32_t halfwords);

/* A block of `bytes` bytes at `address` is about to run. tally : kws_instruction_count. The signature is the emulator's. */
void kws_count_block(void *emulator, uint64_t address, uint32_t bytes, void *tally);

#endif
