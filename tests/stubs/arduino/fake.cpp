/* Runs a sketch on a PC: the microphone is stdin, the serial port is stdout. argv[1]: blocks that arrive before each loop. */
#include <stdio.h>
#include <stdlib.h>

#include "Arduino.h"
#include "PDM.h"

FakeSerial Serial;
PDMClass PDM;
static void (*received)(void) = nullptr;
static int buffer_bytes = 512;
static int arrived_bytes = 0;
static unsigned char arrived[65536];
static unsigned long now_us = 0;

unsigned long micros(void) { return now_us += 7; }
void delay(unsigned long) { exit(3); }

void FakeSerial::begin(unsigned long) {}
FakeSerial::operator bool() const { return true; }
size_t FakeSerial::print(const char text[]) { return (size_t)printf("%s", text); }
size_t FakeSerial::print(char letter) { return (size_t)printf("%c", letter); }
size_t FakeSerial::print(int number) { return (size_t)printf("%d", number); }
size_t FakeSerial::print(unsigned int number) { return (size_t)printf("%u", number); }
size_t FakeSerial::print(long number) { return (size_t)printf("%ld", number); }
size_t FakeSerial::print(unsigned long number) { return (size_t)printf("%lu", number); }
size_t FakeSerial::print(unsigned long long number) { return (size_t)printf("%llu", number); }
size_t FakeSerial::println(void) { return (size_t)printf("\r\n"); }
size_t FakeSerial::println(int number) { return print(number) + println(); }
size_t FakeSerial::println(unsigned int number) { return print(number) + println(); }
size_t FakeSerial::println(long number) { return print(number) + println(); }
size_t FakeSerial::println(unsigned long number) { return print(number) + println(); }

int PDMClass::begin(int channels, int sampleRate) { return channels == 1 && sampleRate == 16000; }
void PDMClass::end() {}
int PDMClass::available() { return arrived_bytes; }
void PDMClass::onReceive(void (*callback)(void)) { received = callback; }
void PDMClass::setGain(int) {}
void PDMClass::setBufferSize(int bytes) { buffer_bytes = bytes; }
int PDMClass::read(void *buffer, size_t size)
{
    const int bytes = arrived_bytes < (int)size ? arrived_bytes : (int)size;
    for (int i = 0; i < bytes; ++i) {
        static_cast<unsigned char *>(buffer)[i] = arrived[i];
    }
    arrived_bytes = 0;
    return bytes;
}

int main(int count, char **arguments)
{
    const int blocks = count > 1 ? atoi(arguments[1]) : 1;
    setup();
    for (;;) {
        for (int i = 0; i < blocks; ++i) {
            arrived_bytes = (int)fread(arrived, 1, (size_t)buffer_bytes, stdin) / 2 * 2;
            if (arrived_bytes == 0 || received == nullptr) {
                loop();
                loop();
                return 0;
            }
            received();
        }
        loop();
        loop();
    }
}
