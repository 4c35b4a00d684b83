/* Stand-in for Zephyr's device.h. */
#ifndef STAND_IN_DEVICE_H
#define STAND_IN_DEVICE_H

#include <stdbool.h>

struct device {
    const char *name;
};

extern const struct device fake_dmic_dev;
#define DT_NODELABEL(label) label
#define DEVICE_DT_GET_(node) (&fake_##node)
#define DEVICE_DT_GET(node) DEVICE_DT_GET_(node)
bool device_is_ready(const struct device *dev);

#endif
