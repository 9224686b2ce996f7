#include "cdecompress.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

/* What a library says at the end of a member; the end of all may be another matter. */
#define MEMBER_END (-1)

struct cdecompress {
    int algorithm;
    int has_begun;
    /* Whether a member is being read; otherwise its mark is looked for. */
    int is_inside;
    /* The first bytes of a member. The libraries would take members of other kinds, too. */
    uint8_t mark[4];
    size_t mark_count;
    z_stream zlib;
    bz_stream bzip2;
    lzma_stream xz;
    ZSTD_DCtx *zstd;
};

/* What is left to take from, and to give into. */
typedef struct {
    const uint8_t *input;
    size_t input_count;
    uint8_t *output;
    size_t output_count;
} span;

static size_t mark_length(const cdecompress *state) {
    switch (state->algorithm) {
    case CDECOMPRESS_GZIP: return 2;
    case CDECOMPRESS_BZIP2: return 3;
    case CDECOMPRESS_ZSTD: return 4;
    default: return 0;
    }
}

static int is_mark(const cdecompress *state) {
    const uint8_t *mark = state->mark;
    switch (state->algorithm) {
    case CDECOMPRESS_GZIP: return memcmp(mark, "\x1f\x8b", 2) == 0;
    case CDECOMPRESS_BZIP2: return memcmp(mark, "BZh", 3) == 0;
    /* A frame, or one of the sixteen kinds that are skipped. */
    default:
        return memcmp(mark, "\x28\xb5\x2f\xfd", 4) == 0
               || ((mark[0] & 0xf0) == 0x50 && memcmp(mark + 1, "\x2a\x4d\x18", 3) == 0);
    }
}

static int open_library(cdecompress *state, uint64_t memory_limit) {
    switch (state->algorithm) {
    case CDECOMPRESS_GZIP: return inflateInit2(&state->zlib, 16 + MAX_WBITS) == Z_OK;
    case CDECOMPRESS_DEFLATE: return inflateInit2(&state->zlib, -MAX_WBITS) == Z_OK;
    case CDECOMPRESS_BZIP2: return BZ2_bzDecompressInit(&state->bzip2, 0, 0) == BZ_OK;
    case CDECOMPRESS_XZ: return lzma_stream_decoder(&state->xz, memory_limit, LZMA_CONCATENATED) == LZMA_OK;
    case CDECOMPRESS_ZSTD: {
        ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
        int window_log = bounds.lowerBound;
        while (window_log < bounds.upperBound && (UINT64_C(2) << window_log) <= memory_limit) window_log++;
        state->zstd = ZSTD_createDCtx();
        return state->zstd != NULL
               && !ZSTD_isError(ZSTD_DCtx_setParameter(state->zstd, ZSTD_d_windowLogMax, window_log));
    }
    default: return 0;
    }
}

cdecompress *cdecompress_open(int algorithm, uint64_t memory_limit) {
    cdecompress *state = calloc(1, sizeof *state);
    if (state == NULL) return NULL;
    state->algorithm = algorithm;
    if (open_library(state, memory_limit)) return state;
    cdecompress_close(state);
    return NULL;
}

/* Those that were never opened are zero, which is what the libraries take for closed. */
void cdecompress_close(cdecompress *state) {
    inflateEnd(&state->zlib);
    BZ2_bzDecompressEnd(&state->bzip2);
    lzma_end(&state->xz);
    ZSTD_freeDCtx(state->zstd);
    free(state);
}

static void advance(span *work, size_t input_left, size_t output_left) {
    work->input += work->input_count - input_left;
    work->input_count = input_left;
    work->output += work->output_count - output_left;
    work->output_count = output_left;
}

static int feed_zlib(z_stream *zlib, span *work) {
    zlib->next_in = (Bytef *)work->input;
    zlib->avail_in = (uInt)work->input_count;
    zlib->next_out = work->output;
    zlib->avail_out = (uInt)work->output_count;
    int result = inflate(zlib, Z_NO_FLUSH);
    advance(work, zlib->avail_in, zlib->avail_out);
    switch (result) {
    case Z_STREAM_END: return MEMBER_END;
    case Z_OK:
    case Z_BUF_ERROR: return CDECOMPRESS_MORE;
    case Z_MEM_ERROR: return CDECOMPRESS_NO_MEMORY;
    default: return CDECOMPRESS_DAMAGED;
    }
}

static int feed_bzip2(bz_stream *bzip2, span *work) {
    bzip2->next_in = (char *)work->input;
    bzip2->avail_in = (unsigned int)work->input_count;
    bzip2->next_out = (char *)work->output;
    bzip2->avail_out = (unsigned int)work->output_count;
    int result = BZ2_bzDecompress(bzip2);
    advance(work, bzip2->avail_in, bzip2->avail_out);
    switch (result) {
    case BZ_STREAM_END: return MEMBER_END;
    case BZ_OK: return CDECOMPRESS_MORE;
    case BZ_MEM_ERROR: return CDECOMPRESS_NO_MEMORY;
    default: return CDECOMPRESS_DAMAGED;
    }
}

static int feed_xz(lzma_stream *xz, span *work, int is_last) {
    xz->next_in = work->input;
    xz->avail_in = work->input_count;
    xz->next_out = work->output;
    xz->avail_out = work->output_count;
    lzma_ret result = lzma_code(xz, is_last ? LZMA_FINISH : LZMA_RUN);
    advance(work, xz->avail_in, xz->avail_out);
    switch (result) {
    case LZMA_STREAM_END: return MEMBER_END;
    case LZMA_OK:
    case LZMA_BUF_ERROR: return CDECOMPRESS_MORE;
    case LZMA_MEM_ERROR: return CDECOMPRESS_NO_MEMORY;
    case LZMA_MEMLIMIT_ERROR: return CDECOMPRESS_OVER_LIMIT;
    default: return CDECOMPRESS_DAMAGED;
    }
}

static int feed_zstd(ZSTD_DCtx *zstd, span *work) {
    ZSTD_inBuffer input = {work->input, work->input_count, 0};
    ZSTD_outBuffer output = {work->output, work->output_count, 0};
    size_t result = ZSTD_decompressStream(zstd, &output, &input);
    advance(work, input.size - input.pos, output.size - output.pos);
    if (result == 0) return MEMBER_END;
    if (!ZSTD_isError(result)) return CDECOMPRESS_MORE;
    switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_frameParameter_windowTooLarge: return CDECOMPRESS_OVER_LIMIT;
    case ZSTD_error_memory_allocation: return CDECOMPRESS_NO_MEMORY;
    default: return CDECOMPRESS_DAMAGED;
    }
}

static int feed(cdecompress *state, span *work, int is_last) {
    switch (state->algorithm) {
    case CDECOMPRESS_BZIP2: return feed_bzip2(&state->bzip2, work);
    case CDECOMPRESS_XZ: return feed_xz(&state->xz, work, is_last);
    case CDECOMPRESS_ZSTD: return feed_zstd(state->zstd, work);
    default: return feed_zlib(&state->zlib, work);
    }
}

/* Prepares for another member. zstd does so by itself. */
static int reset(cdecompress *state) {
    switch (state->algorithm) {
    case CDECOMPRESS_GZIP: return inflateReset(&state->zlib) == Z_OK;
    case CDECOMPRESS_BZIP2:
        BZ2_bzDecompressEnd(&state->bzip2);
        memset(&state->bzip2, 0, sizeof state->bzip2);
        return BZ2_bzDecompressInit(&state->bzip2, 0, 0) == BZ_OK;
    default: return 1;
    }
}

/* Reads the mark of the next member; MEMBER_END says that it is there. */
static int begin(cdecompress *state, span *work, int is_last) {
    size_t length = mark_length(state);
    int may_follow_anything = state->has_begun && state->algorithm != CDECOMPRESS_ZSTD;
    while (state->mark_count < length && work->input_count > 0) {
        state->mark[state->mark_count++] = *work->input;
        advance(work, work->input_count - 1, work->output_count);
    }
    if (state->mark_count < length) {
        if (!is_last) return CDECOMPRESS_MORE;
        return state->has_begun && (state->mark_count == 0 || may_follow_anything) ? CDECOMPRESS_END
                                                                                   : CDECOMPRESS_TRUNCATED;
    }
    if (length > 0 && !is_mark(state)) return may_follow_anything ? CDECOMPRESS_END : CDECOMPRESS_DAMAGED;
    if (state->has_begun && !reset(state)) return CDECOMPRESS_NO_MEMORY;
    state->has_begun = 1;
    state->is_inside = 1;
    span mark = {state->mark, length, work->output, work->output_count};
    int result = length > 0 ? feed(state, &mark, 0) : CDECOMPRESS_MORE;
    if (result != CDECOMPRESS_MORE) return result == MEMBER_END ? CDECOMPRESS_DAMAGED : result;
    return MEMBER_END;
}

static int run(cdecompress *state, span *work, int is_last) {
    if (!state->is_inside) {
        int result = begin(state, work, is_last);
        if (result != MEMBER_END) return result;
    }
    size_t input_count = work->input_count, output_count = work->output_count;
    int result = feed(state, work, is_last);
    if (result == MEMBER_END) {
        if (mark_length(state) == 0) return CDECOMPRESS_END;
        state->is_inside = 0;
        state->mark_count = 0;
        return CDECOMPRESS_MORE;
    }
    int stands_still = work->input_count == input_count && work->output_count == output_count;
    if (result == CDECOMPRESS_MORE && is_last && stands_still) return CDECOMPRESS_TRUNCATED;
    return result;
}

int cdecompress_step(cdecompress *state, const void *input, size_t *input_count, void *output, size_t *output_count,
                     int is_last) {
    span work = {input, *input_count, output, *output_count};
    int result = run(state, &work, is_last);
    *input_count -= work.input_count;
    *output_count -= work.output_count;
    return result;
}

uint32_t cdecompress_crc32(uint32_t crc, const void *bytes, size_t count) {
    return (uint32_t)crc32_z(crc, bytes, count);
}
