/* SPDX-License-Identifier: Apache-2.0 */
#include "instruction_count.h"

/* A halfword that begins with 11101, 11110 or 11111 is the first half of an instruction of 32 bits. */
uint32_t kws_count_instructions(const uint16_t *code, uint32_t halfwords)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < halfwords; i += code[i] >= 0xE800u ? 2 : 1) {
        ++count;
    }
    return count;
}

void kws_count_block(void *emulator, uint64_t address, uint32_t bytes, void *tally)
{
    kws_instruction_count *const state = (kws_instruction_count *)tally;
    const uint64_t first = (address - state->base) / 2;
    const uint32_t halfwords = bytes / 2;
    (void)emulator;
    if (address < state->base || first + halfwords > state->halfwords) {
        ++state->strayed;
        return;
    }
    const uint32_t count = kws_count_instructions(state->code + first, halfwords);
    const uint16_t owner = state->owner[first];
    if (state->stage[owner] != KWS_COUNT_CALLER) {
        state->current = state->stage[owner];
    }
    state->functions[owner] += count;
    state->stages[state->current] += count;
}
