/* Reads cases from stdin, all int32 unless said otherwise: the 14 numbers of kws_frontend_tables, then for each of its arrays
 * the size in bytes and the bytes, then the count of samples, the chunk size, and int16 samples. Writes per case the result
 * of the check and, where it is 0, the number of rows and raw and quantized features of each. Every block of memory is
 * exactly as large as the header asks for, so that the sanitizers see each step outside.
 */
#include "frontend.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 14, ARRAYS = 10 };

static int32_t read_number(void)
{
    int32_t number = 0;
    if (fread(&number, sizeof number, 1, stdin) != 1)
        exit(0);
    return number;
}

static void *read_block(int32_t bytes)
{
    void *block = malloc((size_t)bytes);
    if (bytes > 0 && fread(block, (size_t)bytes, 1, stdin) != 1)
        exit(2);
    return block;
}

static void write_numbers(const void *numbers, size_t bytes)
{
    if (bytes > 0 && fwrite(numbers, bytes, 1, stdout) != 1)
        exit(3);
}

static void run(const kws_frontend_tables *tables, const int16_t *samples, int32_t count, int32_t chunk)
{
    const int32_t extra = count - tables->window_samples;
    const int32_t rows = extra < 0 ? 0 : 1 + extra / tables->hop_samples;
    void *memory = malloc(kws_frontend_memory_bytes(tables));
    kws_frontend state;
    int32_t at = 0, done = 0;

    write_numbers(&rows, sizeof rows);
    kws_frontend_init(&state, tables, memory);
    while (at < count) {
        const int32_t size = chunk < count - at ? chunk : count - at;
        int16_t *part = malloc((size_t)size * sizeof *part);
        int8_t *row = malloc((size_t)tables->features);
        int32_t taken;
        memcpy(part, samples + at, (size_t)size * sizeof *part);
        if (kws_frontend_push(&state, part, size, &taken, row)) {
            write_numbers(kws_frontend_raw(&state), (size_t)tables->features * sizeof(int32_t));
            write_numbers(row, (size_t)tables->features);
            done++;
        }
        at += taken;
        free(row);
        free(part);
    }
    free(memory);
    if (done != rows)
        exit(4);
}

int main(void)
{
    for (;;) {
        kws_frontend_tables tables;
        int32_t numbers[NUMBERS], count, chunk, code, i;
        void *arrays[ARRAYS], *samples;
        for (i = 0; i < NUMBERS; i++)
            numbers[i] = read_number();
        for (i = 0; i < ARRAYS; i++)
            arrays[i] = read_block(read_number());
        memcpy(&tables, numbers, sizeof numbers);
        memcpy((char *)&tables + offsetof(kws_frontend_tables, window_q31), arrays, sizeof arrays);
        count = read_number();
        chunk = read_number();
        samples = read_block(2 * count);
        code = kws_frontend_check(&tables);
        write_numbers(&code, sizeof code);
        if (code == 0)
            run(&tables, samples, count, chunk);
        for (i = 0; i < ARRAYS; i++)
            free(arrays[i]);
        free(samples);
    }
}
