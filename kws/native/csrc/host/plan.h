/* SPDX-License-Identifier: Apache-2.0 */
/* The plan file: everything that a detector is made of, read where it lies.
 *
 * Little-endian 32-bit words. Header of 12: magic, version, bytes in all, CRC-32 of what follows the header, then offset and
 * bytes of four sections: description (JSON, for people and Python), front end, network, decoder. A section is the
 * fields of its struct in order: a number is a word, an array is two words (offset in the section, bytes).
 *
 * The file is never trusted: kws_plan_read refuses whatever could make the engine leave its memory.
 */
#ifndef KWS_PLAN_H
#define KWS_PLAN_H

#include "decoder.h"
#include "frontend.h"
#include "network.h"

#define KWS_PLAN_MAGIC 0x5053574b /* "KWSP" */
#define KWS_PLAN_VERSION 2
#define KWS_PLAN_TALK_VERSION 3    /* the same, and the decoder's three fields about talk */
#define KWS_PLAN_UNKNOWN_VERSION 4 /* the same, and the decoder's unknown_weight */
#define KWS_PLAN_HEADER_BYTES 48

/* What kws_plan_read finds: 0, or the first thing that is wrong. */
enum kws_plan_error {
    KWS_PLAN_OK = 0,
    KWS_PLAN_BAD_MAGIC = -1,    /* not a plan, or read on a big-endian machine */
    KWS_PLAN_BAD_VERSION = -2,  /* of another version */
    KWS_PLAN_BAD_SIZE = -3,     /* shorter or longer than it says */
    KWS_PLAN_BAD_CHECKSUM = -4, /* damaged */
    KWS_PLAN_BAD_SECTION = -5,  /* a section or an array lies outside the file */
    KWS_PLAN_BAD_FRONTEND = -6, /* refused by kws_frontend_check; *detail is its code */
    KWS_PLAN_BAD_NETWORK = -7,  /* refused by kws_network_check; *detail is its code */
    KWS_PLAN_BAD_DECODER = -8,  /* refused by kws_decoder_check; *detail is its code */
    KWS_PLAN_BAD_FIT = -9       /* the parts do not fit each other */
};

/* The three tables, pointing into the file. */
typedef struct {
    kws_frontend_tables frontend;
    kws_network_tables network;
    kws_decoder_tables decoder;
} kws_plan;

/* bytes : the whole file, aligned for int32_t, kept by the caller as long as the plan. 0, or what is wrong with it. */
int32_t kws_plan_read(kws_plan *plan, const void *bytes, uint32_t size, int32_t *detail);

/* CRC-32 (IEEE 802.3, as zlib's) of a block. */
uint32_t kws_crc32(const uint8_t *bytes, uint32_t count);

#endif
