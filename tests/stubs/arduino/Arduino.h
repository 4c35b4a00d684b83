/* Stand-in for the Arduino core (ArduinoCore-API): what the exported sketches use. */
#ifndef STAND_IN_ARDUINO_H
#define STAND_IN_ARDUINO_H

#include <stddef.h>
#include <stdint.h>

unsigned long micros(void);
void delay(unsigned long ms);
void setup(void);
void loop(void);

class FakeSerial {
public:
    void begin(unsigned long baud);
    explicit operator bool() const;
    size_t print(const char text[]);
    size_t print(char letter);
    size_t print(int number);
    size_t print(unsigned int number);
    size_t print(long number);
    size_t print(unsigned long number);
    size_t print(unsigned long long number);
    size_t println(void);
    size_t println(int number);
    size_t println(unsigned int number);
    size_t println(long number);
    size_t println(unsigned long number);
};
extern FakeSerial Serial;

#endif
