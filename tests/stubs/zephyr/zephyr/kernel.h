/* Stand-in for Zephyr's kernel.h: what the exported samples use. */
#ifndef STAND_IN_KERNEL_H
#define STAND_IN_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct k_mem_slab {
    size_t block_size;
    uint32_t blocks;
};

#define K_MEM_SLAB_DEFINE_STATIC(name, slab_block_size, slab_num_blocks, slab_align) \
    static struct k_mem_slab name = {slab_block_size, slab_num_blocks}

void k_mem_slab_free(struct k_mem_slab *slab, void *mem);
uint32_t k_cycle_get_32(void);
uint32_t k_cyc_to_us_floor32(uint32_t cycles);
int32_t k_msleep(int32_t ms);

#endif
