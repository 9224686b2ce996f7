/* The low-level contexts are deprecated since OpenSSL 3 and are what can be saved: see cdigest.h. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "cdigest.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(MD5_CTX) <= sizeof(((cdigest_state *)0)->context), "MD5 context fits");
_Static_assert(sizeof(SHA256_CTX) <= sizeof(((cdigest_state *)0)->context), "SHA-256 context fits");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(((cdigest_state *)0)->context), "SHA-512 context fits");
_Static_assert(sizeof(((cdigest_state *)0)->context) == CDIGEST_STATE_BYTES, "a state has room for each context");

size_t cdigest_init(cdigest_state *state, uint32_t algorithm) {
    memset(state, 0, sizeof *state);
    state->algorithm = algorithm;
    void *context = state->context;
    switch (algorithm) {
    case CDIGEST_MD5: MD5_Init(context); return MD5_DIGEST_LENGTH;
    case CDIGEST_SHA256: SHA256_Init(context); return SHA256_DIGEST_LENGTH;
    case CDIGEST_SHA512: SHA512_Init(context); return SHA512_DIGEST_LENGTH;
    default: return 0;
    }
}

void cdigest_update(cdigest_state *state, const void *bytes, size_t count) {
    void *context = state->context;
    switch (state->algorithm) {
    case CDIGEST_MD5: MD5_Update(context, bytes, count); break;
    case CDIGEST_SHA256: SHA256_Update(context, bytes, count); break;
    case CDIGEST_SHA512: SHA512_Update(context, bytes, count); break;
    }
}

static size_t context_size(uint32_t algorithm) {
    switch (algorithm) {
    case CDIGEST_MD5: return sizeof(MD5_CTX);
    case CDIGEST_SHA256: return sizeof(SHA256_CTX);
    case CDIGEST_SHA512: return sizeof(SHA512_CTX);
    default: return 0;
    }
}

uint64_t cdigest_edition(void) {
    const uint16_t order = 1;
    uint8_t first;
    memcpy(&first, &order, 1);
    return (uint64_t)(OpenSSL_version_num() >> 28) << 32 | (uint64_t)first << 24
        | (sizeof(MD5_CTX) + sizeof(SHA256_CTX) + sizeof(SHA512_CTX));
}

size_t cdigest_save(const cdigest_state *state, uint8_t *bytes) {
    size_t count = context_size(state->algorithm);
    memcpy(bytes, state->context, count);
    return count;
}

/* What the contexts keep of the length has to agree with it: they index their buffers by that. */
size_t cdigest_restore(
    cdigest_state *state, uint32_t algorithm, const uint8_t *bytes, size_t count, uint64_t length) {
    size_t digest = cdigest_init(state, algorithm);
    if (digest == 0 || count != context_size(algorithm) || length >= UINT64_MAX / 8) return 0;
    memcpy(state->context, bytes, count);
    uint64_t bits = length * 8;
    const void *context = state->context;
    switch (algorithm) {
    case CDIGEST_MD5: {
        const MD5_CTX *md5 = context;
        if (md5->Nl != (uint32_t)bits || md5->Nh != (uint32_t)(bits >> 32) || md5->num != length % 64) return 0;
        break;
    }
    case CDIGEST_SHA256: {
        const SHA256_CTX *sha = context;
        if (sha->Nl != (uint32_t)bits || sha->Nh != (uint32_t)(bits >> 32) || sha->num != length % 64
            || sha->md_len != SHA256_DIGEST_LENGTH)
            return 0;
        break;
    }
    case CDIGEST_SHA512: {
        const SHA512_CTX *sha = context;
        if (sha->Nl != bits || sha->Nh != 0 || sha->num != length % 128 || sha->md_len != SHA512_DIGEST_LENGTH)
            return 0;
        break;
    }
    }
    return digest;
}

void cdigest_final(cdigest_state *state, uint8_t *digest) {
    void *context = state->context;
    switch (state->algorithm) {
    case CDIGEST_MD5: MD5_Final(digest, context); break;
    case CDIGEST_SHA256: SHA256_Final(digest, context); break;
    case CDIGEST_SHA512: SHA512_Final(digest, context); break;
    }
}
