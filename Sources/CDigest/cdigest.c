/* The low-level contexts are deprecated since OpenSSL 3 and are what can be saved: see cdigest.h. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "cdigest.h"

#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(MD5_CTX) <= sizeof(((cdigest_state *)0)->context), "MD5 context fits");
_Static_assert(sizeof(SHA256_CTX) <= sizeof(((cdigest_state *)0)->context), "SHA-256 context fits");
_Static_assert(sizeof(SHA512_CTX) <= sizeof(((cdigest_state *)0)->context), "SHA-512 context fits");

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

void cdigest_final(cdigest_state *state, uint8_t *digest) {
    void *context = state->context;
    switch (state->algorithm) {
    case CDIGEST_MD5: MD5_Final(digest, context); break;
    case CDIGEST_SHA256: SHA256_Final(digest, context); break;
    case CDIGEST_SHA512: SHA512_Final(digest, context); break;
    }
}
