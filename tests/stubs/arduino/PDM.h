/* Stand-in for the PDM library of the mbed and nRF cores. */
#ifndef STAND_IN_PDM_H
#define STAND_IN_PDM_H

#include <stddef.h>

class PDMClass {
public:
    int begin(int channels, int sampleRate);
    void end();
    virtual int available();
    virtual int read(void *buffer, size_t size);
    void onReceive(void (*callback)(void));
    void setGain(int gain);
    void setBufferSize(int bytes);
    virtual ~PDMClass() {}
};
extern PDMClass PDM;

#endif
