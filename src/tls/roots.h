/*
 * Which certification authorities the license server's certificate may come from.
 */
#ifndef TLS_ROOTS_H
#define TLS_ROOTS_H

#include "tls/pem.h"

/*
 * The Mozilla bundle compiled in; made by tools/roots.c from Debian's ca-certificates. One table of
 * bytes, since structures with pointers would cost 20 kB more.
 *
 * First come all anchors' names, roots_names_size bytes of DER, in a third of their room, since
 * they repeat each other. A byte below 0x80 stands for itself, and ROOTS_NEXT for the byte after
 * it; others for some bytes from further up in the names, one more than the bits of ROOTS_SIZE say.
 * They begin one more byte back than says the byte that follows, or, with ROOTS_FAR, the two.
 *
 * Then the keys: a byte of kind (ROOTS_CA; BearSSL's number of the curve, 0 for RSA), then the
 * point or modulus, then with ROOTS_EXPONENT an exponent that isn't 65537; each with two bytes of
 * length before it. Of two bytes the high one is first.
 */
extern const unsigned char roots_data[];
extern const size_t roots_data_size;
extern const size_t roots_data_count;
extern const size_t roots_names_size;

#define ROOTS_NEXT 0x80
#define ROOTS_FAR 0x40
#define ROOTS_SIZE 0x3f

#define ROOTS_CA 0x80
#define ROOTS_EXPONENT 0x40
#define ROOTS_CURVE 0x3f

/* The bundle's anchors. *out is initialised here; it borrows the table. False: ERR_MEMORY. */
bool roots_bundle(struct pem_anchors *out, struct err *err);

/* The usual system files' paths, in their order; NULL behind the last. */
const char *roots_file(size_t i);

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
