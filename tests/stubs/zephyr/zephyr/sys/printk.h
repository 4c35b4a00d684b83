/* Stand-in for Zephyr's sys/printk.h. */
void printk(const char *fmt, ...);
