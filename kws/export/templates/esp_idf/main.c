/* SPDX-License-Identifier: Apache-2.0 */
/* Hears keywords with an I2S microphone (INMP441, ICS-43434, SPH0645 and others) on the left channel. Lines on the console:
 *     ready <failed>                        0: the self-test passed
 *     detected <keyword> <time_ms> <score>  time_ms from the start of the sound to the decision; score 1..255 (of 256)
 *     cost <hops> <busy_us>                 processor time spent on the last <hops> hops of the sound
 *     session, report                       what it counts of itself, where KWS_REPORT is chosen (kws_report.h)
 *     sound <first> <sum> <base64>          only where KWS_SEND_SOUND is chosen in menuconfig (kws_lines.h)
 * The DMA keeps filling its buffers while a hop is heard.
 */
#include <inttypes.h>
#include <stdio.h>

#include "driver/i2s_std.h"
#include "esp_err.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"

#include "kws.h"
#ifdef CONFIG_KWS_SEND_SOUND
#include "kws_lines.h"
#endif
#ifndef CONFIG_KWS_REPORT
#define KWS_REPORT 0
#endif
#include "kws_report.h"

#define HOPS_PER_COST 500

static kws_state state;
#if KWS_REPORT
static kws_field field;

static void put(const char *text)
{
    fputs(text, stdout);
}
#endif

static int32_t hear(const int16_t *samples, int32_t count, kws_event *event)
{
#if KWS_REPORT
    return kws_report_push(&field, &state, samples, count, event);
#else
    return kws_push(&state, samples, count, event);
#endif
}

static i2s_chan_handle_t open_microphone(void)
{
    i2s_chan_handle_t microphone = NULL;
    const i2s_chan_config_t channel = I2S_CHANNEL_DEFAULT_CONFIG(I2S_NUM_AUTO, I2S_ROLE_MASTER);
    const i2s_std_config_t config = {
        .clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG(KWS_SAMPLE_RATE_HZ),
        .slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(I2S_DATA_BIT_WIDTH_32BIT, I2S_SLOT_MODE_MONO),
        .gpio_cfg =
            {
                .mclk = I2S_GPIO_UNUSED,
                .bclk = CONFIG_KWS_I2S_BCLK,
                .ws = CONFIG_KWS_I2S_WS,
                .dout = I2S_GPIO_UNUSED,
                .din = CONFIG_KWS_I2S_DIN,
            },
    };
    ESP_ERROR_CHECK(i2s_new_channel(&channel, NULL, &microphone));
    ESP_ERROR_CHECK(i2s_channel_init_std_mode(microphone, &config));
    ESP_ERROR_CHECK(i2s_channel_enable(microphone));
    return microphone;
}

/* One hop from the microphone, 32 bits per sample, to int16. Returns the number of samples. */
static int32_t read_samples(i2s_chan_handle_t microphone, int16_t *samples)
{
    static int32_t raw[KWS_HOP_SAMPLES];
    size_t bytes = 0;
    ESP_ERROR_CHECK(i2s_channel_read(microphone, raw, sizeof raw, &bytes, portMAX_DELAY));
    const int32_t count = (int32_t)(bytes / sizeof raw[0]);
    for (int32_t i = 0; i < count; ++i) {
        const int32_t sample = raw[i] >> CONFIG_KWS_I2S_SHIFT;
        samples[i] = (int16_t)(sample > INT16_MAX ? INT16_MAX : sample < INT16_MIN ? INT16_MIN : sample);
    }
    return count;
}

void app_main(void)
{
    static int16_t samples[KWS_HOP_SAMPLES];
    kws_event event;
    int64_t busy_us = 0;
    int32_t hops = 0;

    printf("ready %" PRId32 "\n", kws_self_test(&state));
    kws_init(&state);
#if KWS_REPORT
    kws_report_init(&field, (uint32_t)esp_timer_get_time());
#endif
    const i2s_chan_handle_t microphone = open_microphone();
    for (;;) {
        const int32_t count = read_samples(microphone, samples);
#ifdef CONFIG_KWS_SEND_SOUND
        printf("%s\n", kws_sound_line(samples, count));
#endif
        const int64_t start = esp_timer_get_time();
        const int32_t detections = hear(samples, count, &event);
        busy_us += esp_timer_get_time() - start;
        if (detections > 0) {
            const uint64_t time_ms = event.sample * 1000 / KWS_SAMPLE_RATE_HZ;
            printf("detected %s %" PRIu64 " %" PRId32 "\n", kws_label(event.label), time_ms, event.score);
        }
#if KWS_REPORT
        kws_report(&field, count, put);
#endif
        if (++hops == HOPS_PER_COST) {
            printf("cost %" PRId32 " %" PRId64 "\n", hops, busy_us);
            hops = 0;
            busy_us = 0;
        }
    }
}
