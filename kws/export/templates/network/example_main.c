/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of a stream of rows: int8 [KWS_FEATURES] each on stdin; lines on stdout:
 *     ready <failed>                      0: the self-test passed
 *     scores <row> <score> <score> ...    the decision after row number <row>, which counts from 1: KWS_LABELS int8
 *     cost <rows> <busy_us>               processor time spent on all rows
 */
#include <stdio.h>
#include <time.h>

#include "kws.h"

static kws_state state;

int main(void)
{
    int8_t row[KWS_FEATURES];
    int8_t scores[KWS_LABELS];
    clock_t busy = 0;
    long rows = 0;
    const int32_t failed = kws_self_test(&state);

    printf("ready %d\n", (int)failed);
    while (failed == 0 && fread(row, sizeof row, 1, stdin) == 1) {
        const clock_t start = clock();
        const int32_t decided = kws_push_row(&state, row, scores);
        busy += clock() - start;
        ++rows;
        if (decided) {
            printf("scores %ld", rows);
            for (int32_t i = 0; i < KWS_LABELS; ++i) {
                printf(" %d", scores[i]);
            }
            printf("\n");
        }
    }
    if (rows > 0) {
        printf("cost %ld %.0f\n", rows, 1e6 * (double)busy / CLOCKS_PER_SEC);
    }
    return failed != 0;
}
