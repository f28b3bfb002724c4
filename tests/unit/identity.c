/* The made certificate is checked by openssl, as a client would be given it. */
#include "tap.h"

#include "shell.h"

#include "base/fs.h"
#include "tls/identity.h"

#include <time.h>

static br_hmac_drbg_context drbg;

#define passes(script, what) ok(shell(script), "%s", (what))

/* The first line of what the last command wrote to the file. */
static void first_line(const char *name, char *out, int size)
{
    FILE *f = fopen(shell_path(name), "r");

    if (!f || !fgets(out, size, f))
        out[0] = '\0';
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

static bool save_cert(const struct pem_chain *chain, const char *name)
{
    struct buf pem;
    bool rv;

    buf_init(&pem, LIMIT_PEM_FILE);
    rv = pem_write(&pem, "CERTIFICATE", chain->certs[0].data, chain->certs[0].data_len) &&
         fs_write_file(shell_dir, name, buf_slice(&pem), 0644, NULL);
    buf_fini(&pem);
    return rv;
}

static void to_hex(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void test_certificate(const struct pem_chain *chain)
{
    ok(save_cert(chain, "cert.pem"), "the certificate is written");
    passes("openssl verify -x509_strict -CAfile cert.pem cert.pem", "openssl verifies it strictly");
    passes("openssl verify -x509_strict -purpose sslserver -verify_hostname localhost "
           "-CAfile cert.pem cert.pem",
           "... as a server named localhost");
    passes("! openssl verify -purpose sslclient -CAfile cert.pem cert.pem",
           "... and not as a client");
    passes("openssl x509 -in cert.pem -noout -checkhost license-proxy | grep -q 'does match'",
           "it names license-proxy");
    passes("openssl x509 -in cert.pem -noout -checkhost box.example.com | grep -q 'does match'",
           "it names the host that was added");
    passes("openssl x509 -in cert.pem -noout -checkhost a.wild.example | grep -q 'does match'",
           "it has the wildcard");
    passes("openssl x509 -in cert.pem -noout -checkhost example.com | grep -q 'NOT match'",
           "it names nobody else");
    passes("openssl x509 -in cert.pem -noout -checkip 127.0.0.1 | grep -q 'does match'",
           "it has 127.0.0.1");
    passes("openssl x509 -in cert.pem -noout -checkip ::1 | grep -q 'does match'", "it has ::1");
    passes("openssl x509 -in cert.pem -noout -checkip 192.0.2.7 | grep -q 'does match'",
           "it has the address that was added");
    passes("openssl x509 -in cert.pem -noout -checkip 2001:db8::7 | grep -q 'does match'",
           "... and the IPv6 one");
    passes("test $(openssl x509 -in cert.pem -noout -ext subjectAltName | tail -n 1 | "
           "tr , '\\n' | wc -l) = 8",
           "duplicates and names that can't be are left out");
    passes("openssl x509 -in cert.pem -noout -text | grep -q 'Version: 3 (0x2)'", "it is v3");
    passes("openssl x509 -in cert.pem -noout -subject -issuer -nameopt RFC2253 >names; "
           "printf 'subject=CN=license-proxy\\nissuer=CN=license-proxy\\n' | cmp - names",
           "subject and issuer");
    passes("openssl x509 -in cert.pem -noout -serial | grep -qE '^serial=[4-7][0-9A-F]{31}$'",
           "a positive serial number of 16 octets");
    passes("openssl x509 -in cert.pem -noout -ext basicConstraints | grep -q critical && "
           "! openssl x509 -in cert.pem -noout -text | grep -q CA:TRUE",
           "it is no CA");
    passes("openssl asn1parse -in cert.pem", "its DER is sound");
}

static void test_facts(const struct pem_chain *chain, int64_t now)
{
    struct pem_facts f;

    ok(pem_read_facts(&chain->certs[0], &f, NULL), "facts are read");
    is_int(f.not_before, now - 3600, "valid from an hour ago");
    is_int(f.not_after, now - 3600 + IDENTITY_DAYS * 86400LL - 1, "for the days that it should be");
    is_int(f.key_type, BR_KEYTYPE_EC, "an EC key");
    is_int(f.issuer_key_type, BR_KEYTYPE_EC, "signed by an EC key");
}

static void test_digests(const struct pem_chain *chain)
{
    uint8_t digest[32];
    char want[128], got[IDENTITY_FINGERPRINT_SIZE];

    identity_fingerprint(&chain->certs[0], got);
    passes("openssl x509 -in cert.pem -noout -fingerprint -sha256 | cut -d= -f2 >fingerprint",
           "openssl's fingerprint");
    first_line("fingerprint", want, sizeof want);
    is_str(got, want, "... is ours");
    ok(identity_spki_pin(&chain->certs[0], digest), "a pin");
    to_hex(digest, sizeof digest, got);
    passes("openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform DER | "
           "openssl sha256 -r | cut -d' ' -f1 >pin",
           "openssl's pin");
    first_line("pin", want, sizeof want);
    is_str(got, want, "... is ours");
}

/* As BearSSL writes it. */
static bool is_pkcs8(struct slice pem, const br_ec_private_key *ec)
{
    uint8_t der[256], q[BR_EC_KBUF_PUB_MAX_SIZE];
    char want[512];
    br_ec_public_key pub;
    size_t n;

    br_ec_compute_pub(br_ec_get_default(), &pub, q, ec);
    n = br_encode_ec_pkcs8_der(der, ec, &pub);
    n = br_pem_encode(want, der, n, "PRIVATE KEY", BR_PEM_LINE64);
    return slice_eq(pem, slice_make(want, n));
}

static void test_key(const struct pem_chain *chain, const struct pem_key *key)
{
    struct pem_key again = {.type = 0}, other = {.type = BR_KEYTYPE_RSA};
    struct buf pem;

    buf_init(&pem, 4096);
    ok(identity_write_key(key, &pem) && is_pkcs8(buf_slice(&pem), &key->u.ec),
       "the key is written");
    ok(pem_read_key(buf_slice(&pem), "key", &again, NULL) && again.u.ec.xlen == key->u.ec.xlen &&
           memcmp(again.u.ec.x, key->u.ec.x, key->u.ec.xlen) == 0,
       "and read again");
    ok(pem_match(chain, "cert", &again, "key", NULL), "it belongs to the certificate");
    ok(fs_write_file(shell_dir, "key.pem", buf_slice(&pem), 0600, NULL), "a file for openssl");
    passes("openssl pkey -in key.pem -check -noout", "openssl finds the key sound");
    passes(
        "openssl pkey -in key.pem -pubout >a; openssl x509 -in cert.pem -noout -pubkey | cmp - a",
        "openssl finds it belongs to the certificate");
    buf_wipe(&pem);
    buf_init(&pem, 100);
    ok(!identity_write_key(key, &pem) && pem.len == 0, "without room no key is written");
    buf_wipe(&pem);
    buf_init(&pem, 4096);
    ok(!identity_write_key(&other, &pem), "an RSA key is not ours to write");
    buf_wipe(&pem);
    pem_key_fini(&again);
}

static void test_renew(const struct pem_chain *chain, const struct pem_key *key, int64_t now)
{
    static const char *const names[] = {"new.example"};
    struct pem_key wrong = {.type = BR_KEYTYPE_EC, .u.ec.curve = BR_EC_secp384r1};
    struct pem_chain renewed;
    uint8_t pin[32], new_pin[32];
    struct err err;

    err_clear(&err);
    ok(identity_renew(&drbg.vtable, key, names, 1, now, &renewed, &err), "it is renewed");
    ok(identity_spki_pin(&chain->certs[0], pin) && identity_spki_pin(&renewed.certs[0], new_pin) &&
           memcmp(pin, new_pin, sizeof pin) == 0,
       "the pin holds");
    ok(renewed.certs[0].data_len != chain->certs[0].data_len ||
           memcmp(renewed.certs[0].data, chain->certs[0].data, renewed.certs[0].data_len) != 0,
       "the certificate is another");
    ok(save_cert(&renewed, "cert.pem"), "the new one is written");
    passes("openssl verify -x509_strict -CAfile cert.pem cert.pem", "openssl verifies it strictly");
    passes("openssl x509 -in cert.pem -noout -checkhost new.example | grep -q 'does match'",
           "it has the new name");
    pem_chain_fini(&renewed);
    ok(!identity_renew(&drbg.vtable, &wrong, NULL, 0, now, &renewed, &err) && renewed.count == 0 &&
           err.code == ERR_CONFIG,
       "a key on another curve is refused");
}

static void test_bounds(int64_t now)
{
    char text[LIMIT_NAMES + 1][LIMIT_HOST + 1];
    const char *names[LIMIT_NAMES + 1];
    struct pem_chain chain;
    struct pem_key key;
    struct err err;
    size_t fits = LIMIT_NAMES - 4; /* four names are always there */

    /* As long as a name can be, each another one. */
    for (size_t i = 0; i < LIMIT_NAMES + 1; i++) {
        memset(text[i], 'a', LIMIT_HOST);
        text[i][0] = (char)('a' + i % 26);
        text[i][1] = (char)('a' + i / 26);
        text[i][63] = text[i][127] = text[i][191] = '.';
        text[i][LIMIT_HOST] = '\0';
        names[i] = text[i];
    }
    err_clear(&err);
    ok(identity_make(&drbg.vtable, names, fits, now, &chain, &key, &err),
       "the most and longest names fit: %s", err.text);
    is_int(key.u.ec.xlen, 32, "... with a key");
    ok(chain.count == 1 && save_cert(&chain, "cert.pem"), "... a certificate");
    passes("openssl verify -x509_strict -CAfile cert.pem cert.pem", "... that openssl verifies");
    passes("test $(openssl x509 -in cert.pem -noout -ext subjectAltName | tail -n 1 | "
           "tr , '\\n' | wc -l) = 32",
           "... with all of them");
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    ok(!identity_make(&drbg.vtable, names, fits + 1, now, &chain, &key, &err) &&
           err.code == ERR_LIMIT && chain.count == 0 && key.type == 0 && !key.bytes,
       "one more does not: %s", err.text);
    err_clear(&err);
    ok(!identity_make(&drbg.vtable, NULL, 0, 253402300800, &chain, &key, &err) &&
           err.code == ERR_LIMIT && chain.count == 0 && !key.bytes,
       "nor does the year 10000");
    err_clear(&err);
    ok(identity_make(&drbg.vtable, NULL, 0, 2524608000 - 86400, &chain, &key, &err) &&
           save_cert(&chain, "cert.pem"),
       "one that ends after 2049");
    passes("openssl verify -x509_strict -attime 2524608000 -CAfile cert.pem cert.pem",
           "... verifies in 2050");
    pem_chain_fini(&chain);
    pem_key_fini(&key);
}

int main(void)
{
    static const char *const names[] = {"box.example.com",
                                        "BOX.Example.com",
                                        "box.example.com.",
                                        "192.0.2.7",
                                        "localhost",
                                        "2001:db8::7",
                                        "2001:DB8:0::7",
                                        "::1",
                                        "127.0.0.1",
                                        "*.wild.example",
                                        "under_score",
                                        "-dash",
                                        "dash-.example",
                                        "a..b",
                                        "",
                                        ".",
                                        "with space",
                                        "*",
                                        "a.*.b",
                                        "fe80::1%eth0"};
    struct pem_chain chain;
    struct pem_key key;
    struct err err;
    int64_t now = time(NULL);

    if (!ok(shell_init(), "a folder"))
        return done_testing();
    br_hmac_drbg_init(&drbg, &br_sha256_vtable, "seed", 4);
    err_clear(&err);
    if (!ok(identity_make(&drbg.vtable, names, sizeof names / sizeof names[0], now, &chain, &key,
                          &err),
            "an identity is made: %s", err.text))
        return done_testing();
    is_int(chain.count, 1, "one certificate");
    test_certificate(&chain);
    test_facts(&chain, now);
    test_digests(&chain);
    test_key(&chain, &key);
    test_renew(&chain, &key, now);
    test_bounds(now);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    ok(shell_fini(), "the folder is removed");
    return done_testing();
}
