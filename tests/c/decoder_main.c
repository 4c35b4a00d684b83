/* Reads cases from stdin: hops (int32), kws_decoder_tables, int8 scores [hops][labels]. Prints per case the result of the check and,
 * where it is 0, one line "hop label score" per detection. Memory is exactly as large as the header asks for, so that the
 * sanitizers see each step outside. */
#include "decoder.h"

#include <stdio.h>
#include <stdlib.h>

static void run(const kws_decoder_tables *tables, int32_t hops)
{
    kws_event event = {0, 0, 0};
    kws_decoder state;
    int8_t *row = malloc((size_t)tables->labels);

    kws_decoder_init(&state, tables, malloc(kws_decoder_memory_bytes(tables)));
    for (int32_t hop = 0; hop < hops; hop++) {
        if (fread(row, (size_t)tables->labels, 1, stdin) != 1)
            exit(2);
        if (kws_decoder_push(&state, row, &event))
            printf("%d %d %d\n", (int)hop, (int)event.label, (int)event.score);
    }
    free(state.history);
    free(row);
}

int main(void)
{
    int32_t hops;
    kws_decoder_tables tables;

    while (fread(&hops, sizeof hops, 1, stdin) == 1) {
        if (fread(&tables, sizeof tables, 1, stdin) != 1)
            return 2;
        const int code = kws_decoder_check(&tables);
        printf("check %d\n", code);
        if (code == 0)
            run(&tables, hops);
    }
    return 0;
}
