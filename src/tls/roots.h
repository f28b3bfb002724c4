/*
 * Which certification authorities the license server's certificate may come from.
 */
#ifndef TLS_ROOTS_H
#define TLS_ROOTS_H

#include "tls/pem.h"

/*
 * The Mozilla bundle compiled in; made by tools/roots.c from Debian's ca-certificates. The names in
 * it resemble each other, so all but points and moduli, which nothing makes smaller, is packed.
 *
 * Unpacked, an anchor is: a byte of kind (ROOTS_CA, and BearSSL's number of the curve, 0 for RSA);
 * the length of the point or modulus, which is the next in roots_keys; with RSA, length and bytes
 * of the exponent; length and bytes of the name. Each length is two bytes, the high one first.
 *
 * Packed, a byte below ROOTS_COPY stands before that number of bytes. Another is followed by two
 * bytes that tell how far back in what is unpacked already to copy from, the high one first; the
 * byte less ROOTS_COPY, and ROOTS_COPY_LEAST more, tells how many.
 */
extern const unsigned char roots_packed[];
extern const size_t roots_unpacked_size;
extern const unsigned char roots_keys[];
extern const size_t roots_keys_size;
extern const size_t roots_count;

#define ROOTS_CA 0x80
#define ROOTS_COPY 0x80
#define ROOTS_COPY_LEAST 4

/* The bundle's anchors. *out is initialised here; it borrows roots_keys. False: ERR_MEMORY. */
bool roots_bundle(struct pem_anchors *out, struct err *err);

/*
 * Loads the anchors of ca_file; without one (NULL) those of $SSL_CERT_FILE (given as
 * ssl_cert_file, NULL or "" if unset), else the first of the usual system files that exists and can
 * be read, else the compiled-in bundle. *source (borrowed: one of the arguments or a constant) says
 * which. A named file that can't be read is an error, never a silent fall-back; a broken system
 * file is passed over. *out need not be initialised, and is empty after an error.
 */
bool roots_load(const char *ca_file, const char *ssl_cert_file, struct pem_anchors *out,
                const char **source, struct err *err);

/* As roots_load, with other system files: count paths, borrowed as long as *source. For tests. */
bool roots_load_with(const char *ca_file, const char *ssl_cert_file, const char *const *paths,
                     size_t count, struct pem_anchors *out, const char **source, struct err *err);

#endif
