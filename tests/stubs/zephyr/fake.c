/* Runs a sample on a PC: the microphone is stdin (int16), the console is stdout. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <zephyr/audio/dmic.h>
#include <zephyr/sys/printk.h>

const struct device fake_dmic_dev = {"dmic"};
static size_t block_bytes;
static uint32_t cycles;

bool device_is_ready(const struct device *dev)
{
    return dev == &fake_dmic_dev;
}

uint32_t k_cycle_get_32(void)
{
    return cycles += 640;
}

uint32_t k_cyc_to_us_floor32(uint32_t count)
{
    return count / 64;
}

int32_t k_msleep(int32_t ms)
{
    exit(ms > 0 ? 0 : 3);
}

void k_mem_slab_free(struct k_mem_slab *slab, void *mem)
{
    if (slab->block_size != block_bytes) {
        exit(3);
    }
    free(mem);
}

void printk(const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    vprintf(fmt, arguments);
    va_end(arguments);
}

int dmic_configure(const struct device *dev, struct dmic_cfg *cfg)
{
    block_bytes = cfg->streams->block_size;
    return device_is_ready(dev) && cfg->streams->pcm_rate == 16000 && cfg->streams->pcm_width == 16 ? 0 : -1;
}

int dmic_trigger(const struct device *dev, enum dmic_trigger cmd)
{
    return device_is_ready(dev) && cmd == DMIC_TRIGGER_START ? 0 : -1;
}

int dmic_read(const struct device *dev, uint8_t stream, void **buffer, size_t *size, int32_t timeout)
{
    (void)stream;
    (void)timeout;
    *buffer = malloc(block_bytes);
    *size = fread(*buffer, 1, block_bytes, stdin) / 2 * 2;
    if (*size == 0) {
        free(*buffer);
        exit(0);
    }
    return device_is_ready(dev) ? 0 : -1;
}
