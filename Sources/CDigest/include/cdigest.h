#ifndef CDIGEST_H
#define CDIGEST_H

#include <stddef.h>
#include <stdint.h>

/* Streaming digests over libcrypto's low-level contexts.
 *
 * The newer EVP interface cannot save a digest half-way. These contexts are plain memory: a state may be copied,
 * stored and continued later, on a machine of the same byte order and the same major version of libcrypto. */

#define CDIGEST_MD5 1
#define CDIGEST_SHA256 2
#define CDIGEST_SHA512 3

/* The longest digest, in bytes. */
#define CDIGEST_MAX_BYTES 64

typedef struct {
    uint32_t algorithm;
    uint32_t reserved;
    uint64_t context[27];
} cdigest_state;

/* Starts a digest; returns its length in bytes, or 0 if the algorithm is unknown. */
size_t cdigest_init(cdigest_state *state, uint32_t algorithm);

/* Adds bytes. */
void cdigest_update(cdigest_state *state, const void *bytes, size_t count);

/* Which states `cdigest_restore` can read: the library's major version, the byte order, the sizes. */
uint64_t cdigest_edition(void);

/* Copies the state of a digest to `bytes`, which must have room for CDIGEST_STATE_BYTES; returns how many it has. */
#define CDIGEST_STATE_BYTES 216
size_t cdigest_save(const cdigest_state *state, uint8_t *bytes);

/* Continues a digest that was saved after `length` bytes; returns as `cdigest_init`, and 0 for what cannot be the state
 * of such a digest. The bytes may come from anybody. */
size_t cdigest_restore(
    cdigest_state *state, uint32_t algorithm, const uint8_t *bytes, size_t count, uint64_t length);

/* Writes the digest to `digest`, which must have room for CDIGEST_MAX_BYTES. The state is spent afterwards. */
void cdigest_final(cdigest_state *state, uint8_t *digest);

#endif
