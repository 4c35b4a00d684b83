/* Stand-in for what menuconfig writes: the defaults of the example's Kconfig.projbuild. */
#define CONFIG_KWS_I2S_BCLK 4
#define CONFIG_KWS_I2S_WS 5
#define CONFIG_KWS_I2S_DIN 6
#define CONFIG_KWS_I2S_SHIFT 14
#ifndef STAND_IN_WITHOUT_REPORT
#define CONFIG_KWS_REPORT 1
#endif
