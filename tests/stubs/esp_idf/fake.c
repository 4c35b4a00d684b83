/* Runs an example on a PC: the microphone is stdin (int16), the console is stdout. */
#include <stdio.h>

#include "driver/i2s_std.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

void app_main(void);

static char channel;
static int64_t now_us;

int64_t esp_timer_get_time(void)
{
    return now_us += 7;
}

void vTaskDelay(const TickType_t ticks)
{
    exit(ticks > 0 ? 0 : 3);
}

esp_err_t i2s_new_channel(const i2s_chan_config_t *chan_cfg, i2s_chan_handle_t *tx, i2s_chan_handle_t *rx)
{
    *rx = (i2s_chan_handle_t)(void *)&channel;
    return chan_cfg->role == I2S_ROLE_MASTER && tx == NULL ? ESP_OK : 1;
}

esp_err_t i2s_channel_init_std_mode(i2s_chan_handle_t handle, const i2s_std_config_t *config)
{
    return handle != NULL && config->clk_cfg.sample_rate_hz == 16000 && config->gpio_cfg.din == 6 ? ESP_OK : 1;
}

esp_err_t i2s_channel_enable(i2s_chan_handle_t handle)
{
    return handle != NULL ? ESP_OK : 1;
}

esp_err_t i2s_channel_read(i2s_chan_handle_t handle, void *dest, size_t size, size_t *bytes_read, uint32_t timeout_ms)
{
    int32_t *samples = dest;
    int16_t sample;
    (void)handle;
    (void)timeout_ms;
    for (*bytes_read = 0; *bytes_read < size && fread(&sample, sizeof sample, 1, stdin) == 1; *bytes_read += 4) {
        *samples++ = sample * (1 << CONFIG_KWS_I2S_SHIFT) + 1;
    }
    if (*bytes_read == 0) {
        exit(0);
    }
    return ESP_OK;
}

int main(void)
{
    app_main();
    return 0;
}
