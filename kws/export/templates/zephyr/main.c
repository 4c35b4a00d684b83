/* SPDX-License-Identifier: Apache-2.0 */
/* Hears keywords with a PDM microphone: the device tree's node label dmic_dev. Lines on the console:
 *     ready <failed>                        0: the self-test passed
 *     detected <keyword> <time_ms> <score>  time_ms from the start of the sound to the decision; score 1..255 (of 256)
 *     cost <hops> <busy_us>                 processor time spent on the last <hops> hops of the sound
 *     session, report                       what it counts of itself, unless KWS_REPORT is 0 (kws_report.h)
 *     sound <first> <sum> <base64>          only where compiled with KWS_SEND_SOUND: what is heard next (kws_lines.h)
 * The driver fills one block of the slab after the other while a hop is heard.
 */
#include <zephyr/audio/dmic.h>
#include <zephyr/device.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "kws.h"
#ifdef KWS_SEND_SOUND
#include "kws_lines.h"
#endif
#include "kws_report.h"

#define HOPS_PER_COST 500
#define BLOCKS 4
#define BLOCK_BYTES (KWS_HOP_SAMPLES * (int)sizeof(int16_t))
#define TIMEOUT_MS 1000

K_MEM_SLAB_DEFINE_STATIC(blocks, BLOCK_BYTES, BLOCKS, 4);

static kws_state state;
#if KWS_REPORT
static kws_field field;

static void put(const char *text)
{
    printk("%s", text);
}
#endif

static int start_microphone(const struct device *microphone)
{
    struct pcm_stream_cfg stream = {
        .pcm_rate = KWS_SAMPLE_RATE_HZ,
        .pcm_width = 16,
        .block_size = BLOCK_BYTES,
        .mem_slab = &blocks,
    };
    struct dmic_cfg config = {
        .io =
            {
                .min_pdm_clk_freq = 1000000,
                .max_pdm_clk_freq = 3500000,
                .min_pdm_clk_dc = 40,
                .max_pdm_clk_dc = 60,
            },
        .streams = &stream,
        .channel =
            {
                .req_chan_map_lo = dmic_build_channel_map(0, 0, PDM_CHAN_LEFT),
                .req_num_chan = 1,
                .req_num_streams = 1,
            },
    };
    const int failed = device_is_ready(microphone) ? dmic_configure(microphone, &config) : -1;
    return failed < 0 ? failed : dmic_trigger(microphone, DMIC_TRIGGER_START);
}

/* Returns the cycles that the hop took. */
static uint32_t hear(const int16_t *samples, int32_t count)
{
    kws_event event;
#ifdef KWS_SEND_SOUND
    printk("%s\n", kws_sound_line(samples, count));
#endif
    const uint32_t start = k_cycle_get_32();
#if KWS_REPORT
    const int32_t detections = kws_report_push(&field, &state, samples, count, &event);
#else
    const int32_t detections = kws_push(&state, samples, count, &event);
#endif
    const uint32_t cycles = k_cycle_get_32() - start;
    if (detections > 0) {
        const unsigned long long time_ms = event.sample * 1000 / KWS_SAMPLE_RATE_HZ;
        printk("detected %s %llu %d\n", kws_label(event.label), time_ms, (int)event.score);
    }
#if KWS_REPORT
    kws_report(&field, count, put);
#endif
    return cycles;
}

int main(void)
{
    const struct device *const microphone = DEVICE_DT_GET(DT_NODELABEL(dmic_dev));
    uint32_t busy_us = 0;
    int hops = 0;

    printk("ready %d\n", (int)kws_self_test(&state));
    kws_init(&state);
#if KWS_REPORT
    kws_report_init(&field, k_cycle_get_32());
#endif
    if (start_microphone(microphone) < 0) {
        printk("error no microphone\n");
        return -1;
    }
    for (;;) {
        void *block = NULL;
        size_t bytes = 0;
        if (dmic_read(microphone, 0, &block, &bytes, TIMEOUT_MS) < 0) {
            printk("error no sound\n");
            continue;
        }
        busy_us += k_cyc_to_us_floor32(hear((const int16_t *)block, (int32_t)(bytes / sizeof(int16_t))));
        k_mem_slab_free(&blocks, block);
        if (++hops == HOPS_PER_COST) {
            printk("cost %d %u\n", hops, (unsigned int)busy_us);
            hops = 0;
            busy_us = 0;
        }
    }
}
