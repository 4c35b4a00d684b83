/* Stand-in for FreeRTOS's task.h. */
void vTaskDelay(const TickType_t ticks);
