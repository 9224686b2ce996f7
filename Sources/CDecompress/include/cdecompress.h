#ifndef CDECOMPRESS_H
#define CDECOMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* One way of being called for zlib, libbz2, liblzma and libzstd.
 *
 * Every check that a format has is made: CRCs, sizes, checksums. Members that follow one another are one stream, as
 * gunzip, bunzip2, unxz and unzstd read them. What else may follow is treated as they treat it, too: behind gzip and
 * bzip2 it is passed over, behind xz (but for its padding) and zstd it is damage. */

#define CDECOMPRESS_GZIP 1
#define CDECOMPRESS_BZIP2 2
#define CDECOMPRESS_XZ 3
#define CDECOMPRESS_ZSTD 4
/* Bare deflate, as in zip: what follows its end is left to the caller. */
#define CDECOMPRESS_DEFLATE 5

/* There may be more: give it input, or room. Said at the end of each member, too. */
#define CDECOMPRESS_MORE 0
/* The end: further input has no meaning. */
#define CDECOMPRESS_END 1
#define CDECOMPRESS_DAMAGED 2
/* The input has ended and the stream has not. */
#define CDECOMPRESS_TRUNCATED 3
/* It asks for more memory than the limit. */
#define CDECOMPRESS_OVER_LIMIT 4
/* The machine has no memory left. */
#define CDECOMPRESS_NO_MEMORY 5

typedef struct cdecompress cdecompress;

/* A decompressor that takes at most about `memory_limit` bytes; NULL where there is no memory or no such algorithm. */
cdecompress *cdecompress_open(int algorithm, uint64_t memory_limit);

/* Takes from `input` and gives into `output`, which must have room; returns one of the words above. Not to be called
 * again after anything but MORE.
 *
 * `*input_count` and `*output_count`: what there is, below 2 GiB; afterwards what was taken and given.
 * `is_last`: nothing comes any more, and `*input_count` is 0. Then call on until it is not MORE. */
int cdecompress_step(cdecompress *state, const void *input, size_t *input_count, void *output, size_t *output_count,
                     int is_last);

void cdecompress_close(cdecompress *state);

/* Carries on the CRC-32 of zip; 0 begins one. */
uint32_t cdecompress_crc32(uint32_t crc, const void *bytes, size_t count);

#endif
