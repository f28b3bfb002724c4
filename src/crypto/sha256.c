#include "crypto/sha256.h"

#include <bearssl.h>

void sha256(struct slice data, uint8_t out[32])
{
    br_sha256_context context;

    br_sha256_init(&context);
    br_sha256_update(&context, data.p, data.n);
    br_sha256_out(&context, out);
}
