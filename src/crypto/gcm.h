/*
 * AES in counter mode and GHASH, the two halves of AES-GCM (NIST SP 800-38D), behind BearSSL's
 * interfaces. On x86-64 CPUs that take two blocks in one instruction (VAES, VPCLMULQDQ: since 2020)
 * ours, in a third of the time of BearSSL's, which are for all others. No secret decides a branch
 * or an address in any of them.
 */
#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H

#include <bearssl.h>

/* What of AES-GCM this CPU runs fastest; static. */
struct gcm {
    const br_block_ctr_class *ctr; /* its contexts fit into br_aes_gen_ctr_keys */
    br_ghash ghash;
};

/* Executes CPUID, which takes long in a virtual machine: ask once. */
struct gcm gcm_choose(void);

#endif
