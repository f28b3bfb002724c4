/* Keys and certificates come from the openssl command, in a folder of their own. */
#include "tap.h"

#include "shell.h"

#include "base/fs.h"
#include "tls/pem.h"
#include "tls/pem_text.h"

#include <stdlib.h>

static bool make_files(void)
{
    return shell(
        "set -e\n"
        "ec() { openssl ecparam -name $1 -genkey -noout -out $2-trad.key\n"
        "  openssl pkcs8 -topk8 -nocrypt -in $2-trad.key -out $2.key\n"
        "  openssl req -x509 -new -key $2.key -subj /CN=$2 -days 30 -out $2.crt; }\n"
        "ec prime256v1 p256; ec secp384r1 p384; ec secp521r1 p521; ec prime256v1 other\n"
        "openssl genrsa -out rsa.key 2048; openssl rsa -in rsa.key -traditional -out rsa-trad.key\n"
        "openssl req -x509 -new -key rsa.key -subj /CN=rsa -days 30 -out rsa.crt\n"
        "openssl genrsa -out rsa1024.key 1024\n"
        "openssl req -x509 -new -key rsa1024.key -subj /CN=small -days 30 -out rsa1024.crt\n"
        "openssl genrsa -out rsa3072.key 3072\n"
        "openssl genpkey -algorithm ed25519 -out ed.key\n"
        "openssl req -x509 -new -key ed.key -subj /CN=ed -days 30 -out ed.crt\n"
        "openssl ecparam -name secp256k1 -genkey -noout -out k1.key\n"
        "openssl ecparam -name prime256v1 -genkey -out with-params.key\n"
        "openssl pkcs8 -topk8 -in p256.key -passout pass:x -out enc8.key\n"
        "openssl rsa -in rsa.key -traditional -aes128 -passout pass:x -out enc-trad.key\n"
        "openssl req -x509 -new -key p256.key -subj /CN=leaf -days 30 "
        "  -addext basicConstraints=critical,CA:FALSE -out leaf.crt\n"
        "cat p256.crt p384.crt rsa.crt >chain.crt\n"
        "for i in 1 2 3 4 5 6 7 8; do cat p256.crt; done >chain8.crt\n"
        "cat chain8.crt p256.crt >chain9.crt\n"
        "{ echo some text; openssl x509 -in p256.crt -text; echo; cat p256.key; echo end; } "
        "  >combined.pem\n"
        "sed 's/$/\\r/' p256.crt >crlf.crt; sed 's/$/\\r/' p256.key >crlf.key\n"
        "printf %s \"$(cat p256.crt)\" >no-newline.crt\n"
        "printf %s \"$(cat rsa.key)\" >no-newline.key\n"
        "head -n 5 rsa.crt >cut.crt; head -n 5 rsa.key >cut.key\n"
        "sed '3s/./!/' rsa.crt >bad64.crt\n"
        "sed 's/BEGIN PRIVATE/BEGIN EC PRIVATE/; s/END PRIVATE/END EC PRIVATE/' rsa.key "
        ">label.key\n"
        "cat ed.crt p256.crt >mixed.crt; cat p256.crt cut.crt >half.crt\n"
        "printf 'hello\\n' >garbage; : >empty\n"
        "{ echo -----BEGIN CERTIFICATE-----; echo aGVsbG8=; echo -----END CERTIFICATE-----; } "
        "  >not-a.crt\n"
        "sed 's/CERTIFICATE/PRIVATE KEY/' not-a.crt >not-a.key\n");
}

/* Self-signed, with the extensions that are given and no others. */
static bool make_odd_files(void)
{
    return shell(
        "set -e\n"
        "printf '[req]\ndistinguished_name=dn\n[dn]\n' >plain.cnf\n"
        "self() { name=$1; shift\n"
        "  openssl req -x509 -new -config plain.cnf -subj /CN=$name -days 30 -out $name.crt $*; }\n"
        "self plain -key rsa.key\n"
        "self odd -key p256.key -addext keyUsage=critical,keyCertSign "
        "  -addext 1.2.3.4=critical,DER:0500 -addext basicConstraints=CA:TRUE,pathlen:0\n"
        "self bad -key p256.key -addext 2.5.29.19=DER:02010000\n"
        "openssl ec -in p256.key -conv_form compressed -out short.key; self short -key short.key\n"
        "self k1 -key k1.key; self long -newkey rsa:4104 -nodes -keyout long.key\n");
}

static void chain_counts(const char *file, size_t want)
{
    struct pem_chain chain;
    struct err err;

    err_clear(&err);
    if (!ok(pem_load_chain(shell_path(file), &chain, &err), "%s is read", file))
        printf("# %s\n", err.text);
    is_int(chain.count, want, "... with its certificates");
    pem_chain_fini(&chain);
}

static void chain_refused(const char *file, const char *part)
{
    struct pem_chain chain;
    struct err err;

    err_clear(&err);
    ok(!pem_load_chain(shell_path(file), &chain, &err) && chain.count == 0, "%s is no chain", file);
    if (!ok(err.code == ERR_CONFIG && strstr(err.text, part) && strstr(err.text, file),
            "... and the message names the file and says: %s", part))
        printf("# %s\n", err.text);
}

static void test_chains(void)
{
    chain_counts("p256.crt", 1);
    chain_counts("chain.crt", 3);
    chain_counts("chain8.crt", 8);
    chain_counts("combined.pem", 1);
    chain_counts("crlf.crt", 1);
    chain_counts("no-newline.crt", 1);
    chain_counts("ed.crt", 1);
    chain_refused("chain9.crt", "more than 8");
    chain_refused("cut.crt", "ends inside");
    chain_refused("half.crt", "ends inside");
    chain_refused("bad64.crt", "base64");
    chain_refused("garbage", "no \"CERTIFICATE\"");
    chain_refused("empty", "no \"CERTIFICATE\"");
    chain_refused("p256.key", "no \"CERTIFICATE\"");
    chain_refused("not-a.crt", "not a certificate");
    chain_refused("missing.crt", "No such file");
}

static void key_is(const char *file, int type, int detail)
{
    struct pem_key key;
    struct err err;

    err_clear(&err);
    if (!ok(pem_load_key(shell_path(file), &key, &err), "%s is read", file))
        printf("# %s\n", err.text);
    is_int(key.type, type, "... its type");
    if (type == BR_KEYTYPE_EC)
        ok(key.u.ec.curve == detail && key.u.ec.x == key.bytes, "... its curve");
    else
        is_int(key.u.rsa.n_bitlen, detail, "... its length");
    pem_key_fini(&key);
    ok(key.type == 0 && !key.bytes, "... and nothing is left of it");
}

static void key_refused(const char *file, const char *part)
{
    struct pem_key key;
    struct err err;

    err_clear(&err);
    ok(!pem_load_key(shell_path(file), &key, &err) && key.type == 0 && !key.bytes, "%s is refused",
       file);
    if (!ok(err.code == ERR_CONFIG && strstr(err.text, part) && strstr(err.text, file),
            "... and the message names the file and says: %s", part))
        printf("# %s\n", err.text);
}

static void test_keys(void)
{
    key_is("p256.key", BR_KEYTYPE_EC, BR_EC_secp256r1);
    key_is("p384.key", BR_KEYTYPE_EC, BR_EC_secp384r1);
    key_is("p521.key", BR_KEYTYPE_EC, BR_EC_secp521r1);
    key_is("p256-trad.key", BR_KEYTYPE_EC, BR_EC_secp256r1);
    key_is("p384-trad.key", BR_KEYTYPE_EC, BR_EC_secp384r1);
    key_is("with-params.key", BR_KEYTYPE_EC, BR_EC_secp256r1);
    key_is("rsa.key", BR_KEYTYPE_RSA, 2048);
    key_is("rsa-trad.key", BR_KEYTYPE_RSA, 2048);
    key_is("rsa3072.key", BR_KEYTYPE_RSA, 3072);
    key_is("combined.pem", BR_KEYTYPE_EC, BR_EC_secp256r1);
    key_is("crlf.key", BR_KEYTYPE_EC, BR_EC_secp256r1);
    key_is("no-newline.key", BR_KEYTYPE_RSA, 2048);
    key_is("label.key", BR_KEYTYPE_RSA, 2048);
    key_refused("enc8.key", "openssl pkey -in");
    key_refused("enc-trad.key", "openssl pkey -in");
    key_refused("rsa1024.key", "1024 bits");
    key_refused("ed.key", "neither RSA nor EC");
    key_refused("k1.key", "neither RSA nor EC");
    key_refused("cut.key", "ends inside");
    key_refused("garbage", "no private key");
    key_refused("empty", "no private key");
    key_refused("p256.crt", "no private key");
    key_refused("not-a.key", "can't be decoded");
    key_refused("missing.key", "No such file");
}

/* How base64 may end, and what may stand between the lines around it. */
static void test_text(void)
{
    static const struct {
        const char *lines;
        const char *octets; /* NULL: refused */
    } texts[] = {
        {"-----BEGIN X-----\nAQID\n-----END X-----\n", "\1\2\3"},
        {"-----BEGIN X-----\nAQ ID\nBA==\n\n-----END X-----", "\1\2\3\4"},
        {"-----BEGIN X-----\r\nAQIDBAU=  \r\n-----END X-----\r\n", "\1\2\3\4\5"},
        {"-----BEGIN X----\n-----BEGIN X-----\nAQ==\n-----END X-----\n", "\1"},
        {" -----BEGIN Y-----\n-----BEGIN X-----\n/+8=\n-----END X-----\n", "\xff\xef"},
        {"-----BEGIN X-----\nAQI\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQI==\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQ=\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAR==\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nA===\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQ==AQID\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQID=\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQ-_\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQ\x80_\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQID\n-----BEGIN X-----\nAQID\n-----END X-----\n", NULL},
        {"-----BEGIN X-----\nAQID\n", NULL},
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pem_text t;
        struct err err = {0};
        enum parse next;

        pem_text_init(&t, slice_of(texts[i].lines), "made");
        next = pem_text_next(&t, &err);
        if (texts[i].octets)
            ok(next == PARSE_DONE && pem_text_is(&t, "X") &&
                   slice_eq(buf_slice(&t.der), slice_of(texts[i].octets)) &&
                   pem_text_next(&t, &err) == PARSE_MORE,
               "text %zu is read", i);
        else
            ok(next == PARSE_BAD && strstr(err.text, "made"), "text %zu is refused: %s", i,
               err.text);
        pem_text_fini(&t);
    }
}

/* A traditional EC key whose number has the octets given; curve P-256, P-384 or P-521. */
static bool reads_ec(int curve, const uint8_t *x, size_t n, struct pem_key *key)
{
    br_ec_private_key ec = {.curve = curve, .x = (unsigned char *)(uintptr_t)x, .xlen = n};
    uint8_t der[512];
    size_t size = br_encode_ec_raw_der(NULL, &ec, NULL);
    struct buf pem;
    bool rv;

    buf_init(&pem, 4096);
    rv = size <= sizeof der && br_encode_ec_raw_der(der, &ec, NULL) == size &&
         pem_write(&pem, "EC PRIVATE KEY", der, size) &&
         pem_read_key(buf_slice(&pem), "made", key, NULL);
    buf_fini(&pem);
    return rv;
}

/* BearSSL 0.6 trusts the length and the value of an EC key. */
static void test_ec_values(void)
{
    static const struct {
        int curve;
        const char *name;
    } curves[] = {
        {BR_EC_secp256r1, "P-256"}, {BR_EC_secp384r1, "P-384"}, {BR_EC_secp521r1, "P-521"}};

    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        const char *name = curves[i].name;
        int curve = curves[i].curve;
        uint8_t x[128] = {0};
        struct pem_key key;
        size_t n;
        const uint8_t *order = br_ec_get_default()->order(curve, &n);

        ok(!reads_ec(curve, x, n, &key), "%s: zero is refused", name);
        ok(!reads_ec(curve, x, 0, &key), "%s: no octets are refused", name);
        memcpy(x, order, n);
        ok(!reads_ec(curve, x, n, &key), "%s: the order is refused", name);
        x[n - 1]++;
        ok(!reads_ec(curve, x, n, &key), "%s: what is above the order is refused", name);
        x[n - 1] = (uint8_t)(x[n - 1] - 2);
        ok(reads_ec(curve, x, n, &key) && key.u.ec.xlen == n && memcmp(key.u.ec.x, x, n) == 0,
           "%s: the largest number below the order is read", name);
        pem_key_fini(&key);
        memset(x, 0, sizeof x);
        x[n] = 1;
        ok(!reads_ec(curve, x, n + 1, &key), "%s: a longer number is refused", name);
        x[0] = 7;
        ok(reads_ec(curve, x, 1, &key) && key.u.ec.xlen == n && key.u.ec.x[n - 1] == 7 &&
               key.u.ec.x[0] == 0,
           "%s: a short number is padded", name);
        pem_key_fini(&key);
    }
}

/* An EC key that fills BearSSL's array, past its end: the decoder itself must have room. */
static void test_long_key(void)
{
    uint8_t der[1600] = {0x30, 0x82, 0x06, 0x2d, 0x02, 0x01, 0x01, 0x04, 0x82, 0x06, 0x18};
    struct pem_key key;
    struct buf pem;

    memset(der + 11, 0xff, 1560);
    memcpy(der + 11 + 1560, "\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 12);
    der[2] = (11 - 4 + 1560 + 12) >> 8;
    der[3] = (11 - 4 + 1560 + 12) & 0xff;
    buf_init(&pem, 4096);
    ok(pem_write(&pem, "EC PRIVATE KEY", der, 11 + 1560 + 12), "an EC key of 1560 octets");
    ok(!pem_read_key(buf_slice(&pem), "made", &key, NULL) && !key.bytes, "... is refused");
    buf_fini(&pem);
}

static bool pair(const char *crt, const char *key_file, struct err *err)
{
    struct pem_chain chain;
    struct pem_key key;
    bool rv;

    err_clear(err);
    rv = pem_load_chain(shell_path(crt), &chain, err);
    rv = pem_load_key(shell_path(key_file), &key, err) && rv;
    rv = rv && pem_match(&chain, crt, &key, key_file, err);
    pem_chain_fini(&chain);
    pem_key_fini(&key);
    return rv;
}

static void test_match(void)
{
    struct pem_chain chain;
    struct pem_key key;
    struct err err;

    ok(pair("p256.crt", "p256.key", &err), "P-256: key and certificate belong together");
    ok(pair("p256.crt", "p256-trad.key", &err), "... in the traditional form, too");
    ok(pair("p384.crt", "p384.key", &err), "P-384");
    ok(pair("p521.crt", "p521.key", &err), "P-521");
    ok(pair("rsa.crt", "rsa.key", &err), "RSA");
    ok(pair("chain.crt", "p256.key", &err), "the first certificate of a chain decides");
    ok(!pair("chain.crt", "p384.key", &err), "... and no other");
    ok(!pair("p256.crt", "other.key", &err), "another key of the same curve does not");
    ok(strstr(err.text, "p256.crt") && strstr(err.text, "other.key"), "... says which files: %s",
       err.text);
    ok(!pair("p256.crt", "p384.key", &err), "nor a key of another curve");
    ok(!pair("p256.crt", "rsa.key", &err), "nor a key of another type");
    ok(!pair("rsa.crt", "rsa3072.key", &err), "nor another RSA key");
    ok(!pair("ed.crt", "p256.key", &err) && strstr(err.text, "ed.crt"), "nor with Ed25519: %s",
       err.text);

    err_clear(&err);
    memset(&key, 0, sizeof key);
    ok(pem_load_chain(shell_path("rsa.crt"), &chain, &err) &&
           pem_load_key(shell_path("rsa.key"), &key, &err),
       "an RSA pair is read");
    if (!key.u.rsa.iq || !key.u.rsa.dq) {
        pem_chain_fini(&chain);
        return;
    }
    key.u.rsa.iq[3] ^= 1;
    ok(!pem_match(&chain, "rsa.crt", &key, "rsa.key", &err), "a damaged coefficient is noticed");
    key.u.rsa.iq[3] ^= 1;
    key.u.rsa.dq[3] ^= 1;
    ok(!pem_match(&chain, "rsa.crt", &key, "rsa.key", NULL), "a damaged exponent is noticed");
    pem_chain_fini(&chain);
    ok(!pem_match(&chain, "rsa.crt", &key, "rsa.key", NULL), "an empty chain matches nothing");
    pem_key_fini(&key);
}

static void anchor_is(const char *file, bool is_ca)
{
    struct pem_anchors a;
    struct err err;

    err_clear(&err);
    if (!ok(pem_load_anchors(shell_path(file), &a, &err) && a.count == 1 &&
                a.items[0].flags == (is_ca ? BR_X509_TA_CA : 0),
            "%s is an anchor %s", file, is_ca ? "and an authority's" : "for itself only"))
        printf("# %s\n", err.text);
    pem_anchors_fini(&a);
}

static void anchor_refused(const char *file, const char *part)
{
    struct pem_anchors a;
    struct err err;

    err_clear(&err);
    if (!ok(!pem_load_anchors(shell_path(file), &a, &err) && strstr(err.text, part),
            "%s is no anchor: %s", file, part))
        printf("# %s\n", err.text);
}

static void test_anchors(void)
{
    struct pem_anchors a, few;
    struct err err;
    size_t before;

    err_clear(&err);
    ok(pem_load_anchors(shell_path("chain.crt"), &a, &err) && a.count == 3 && a.skipped == 0,
       "three anchors are read");
    ok(a.items[0].pkey.key_type == BR_KEYTYPE_EC && a.items[0].flags == BR_X509_TA_CA &&
           a.items[2].pkey.key_type == BR_KEYTYPE_RSA && a.items[2].pkey.key.rsa.nlen == 256,
       "... with their keys");
    ok(a.items[0].dn.len > 4 && memcmp(a.items[0].dn.data + a.items[0].dn.len - 4, "p256", 4) == 0,
       "... and names");
    before = a.count;
    ok(!pem_read_anchors(SLICE("nothing"), "text", &a, &err) && a.count == before,
       "adding nothing is an error that leaves the others");
    err_clear(&err);
    ok(pem_load_anchors(shell_path("leaf.crt"), &few, &err) && few.count == 1 &&
           few.items[0].flags == 0,
       "a certificate with CA:FALSE is an anchor for itself only");
    pem_anchors_fini(&few);
    ok(pem_load_anchors(shell_path("mixed.crt"), &few, &err) && few.count == 1 && few.skipped == 1,
       "a key that can't be used is counted");
    pem_anchors_fini(&few);
    ok(!pem_load_anchors(shell_path("ed.crt"), &few, &err) && strstr(err.text, "neither RSA") &&
           few.count == 0 && few.skipped == 0,
       "when there is no other, the message says why: %s", err.text);
    err_clear(&err);
    ok(!pem_load_anchors(shell_path("rsa1024.crt"), &few, &err) && strstr(err.text, "2048"),
       "a short RSA key is no anchor: %s", err.text);
    anchor_is("p521.crt", true);
    anchor_is("plain.crt", false);
    anchor_is("odd.crt", true);
    anchor_refused("bad.crt", "malformed extension");
    anchor_refused("short.crt", "malformed public key");
    anchor_refused("k1.crt", "neither RSA nor on P-256, P-384 or P-521");
    anchor_refused("long.crt", "above 4096 bits");
    ok(!pem_load_anchors(shell_path("half.crt"), &few, &err) && few.count == 0 && !few.items,
       "a file that is cut short gives none");
    ok(!pem_load_anchors(shell_path("not-a.crt"), &few, &err) && few.count == 0,
       "nor does a false one");
    pem_anchors_fini(&a);
    ok(!a.items && a.count == 0, "nothing is left of them");
}

static void test_facts(void)
{
    struct pem_chain chain;
    struct pem_facts f;
    struct err err;
    char text[64] = "";
    FILE *p;

    err_clear(&err);
    memset(&f, 0, sizeof f);
    ok(pem_load_chain(shell_path("rsa.crt"), &chain, &err) &&
           pem_read_facts(&chain.certs[0], &f, &err),
       "facts are read");
    is_int(f.key_type, BR_KEYTYPE_RSA, "... the key's type");
    is_int(f.issuer_key_type, BR_KEYTYPE_RSA, "... the signature's");
    is_int(f.not_after - f.not_before, 30 * 86400, "... 30 days of validity");
    ok(shell("date -u -d \"$(openssl x509 -in rsa.crt -noout -enddate | cut -d= -f2)\" +%s >end"),
       "openssl reads the end");
    p = fopen(shell_path("end"), "r");
    ok(p && fgets(text, sizeof text, p) && strtoll(text, NULL, 10) == f.not_after,
       "... the end that openssl reads");
    if (p)
        fclose(p);
    chain.certs[0].data_len--;
    ok(!pem_read_facts(&chain.certs[0], &f, &err), "a certificate cut short has none");
    chain.certs[0].data_len++;
    pem_chain_fini(&chain);
    err_clear(&err);
    ok(pem_load_chain(shell_path("ed.crt"), &chain, &err) &&
           !pem_read_facts(&chain.certs[0], &f, &err) && strstr(err.text, "neither RSA"),
       "nor has one with Ed25519");
    pem_chain_fini(&chain);
}

/* Whatever is cut off or changed, nothing breaks: the sanitizers watch. */
static void test_damage(void)
{
    static const char *const files[] = {"combined.pem", "rsa-trad.key"};

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct buf text;
        unsigned reads = 0, tries = 0;

        buf_init(&text, LIMIT_PEM_FILE);
        ok(fs_read_file(shell_path(files[i]), &text, NULL), "%s is there", files[i]);
        for (size_t n = 0; n < text.len; n += 7) {
            char *bytes = (char *)text.data + text.off;
            struct slice cut = {bytes, n}, whole = {bytes, text.len};
            struct pem_chain chain;
            struct pem_key key;
            struct pem_anchors anchors = {.count = 0};

            tries++;
            reads += pem_read_chain(cut, "cut", &chain, NULL);
            pem_chain_fini(&chain);
            reads += pem_read_key(cut, "cut", &key, NULL);
            pem_key_fini(&key);
            bytes[n] ^= 4;
            (void)pem_read_chain(whole, "changed", &chain, NULL);
            (void)pem_read_anchors(whole, "changed", &anchors, NULL);
            (void)pem_read_key(whole, "changed", &key, NULL);
            if (chain.count > 0 && key.type != 0)
                (void)pem_match(&chain, "changed", &key, "changed", NULL);
            bytes[n] ^= 4;
            pem_chain_fini(&chain);
            pem_anchors_fini(&anchors);
            pem_key_fini(&key);
        }
        ok(reads < tries, "%s, cut and changed %u times, breaks nothing", files[i], tries);
        buf_wipe(&text);
    }
}

/* BearSSL's writer is the judge of lines of all lengths. */
static void test_write_sizes(void)
{
    unsigned same = 0, tries = 0;
    char want[2048];
    uint8_t der[200];

    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)(i * 37 + (i >> 3));
    for (size_t n = 0; n <= sizeof der; n++) {
        size_t size = br_pem_encode(want, der, n, "X Y", BR_PEM_LINE64);
        struct buf out;

        tries++;
        buf_init(&out, size + 1);
        same += pem_write(&out, "X Y", der, n) && slice_eq(buf_slice(&out), slice_make(want, size));
        buf_fini(&out);
        buf_init(&out, size - 1);
        same -= pem_write(&out, "X Y", der, n) || out.len > 0;
        buf_fini(&out);
    }
    is_int(same, tries, "blocks of all sizes are written, where there is room");
}

static void test_write(void)
{
    struct pem_chain chain, again = {.count = 0};
    struct buf out;

    ok(pem_load_chain(shell_path("p256.crt"), &chain, NULL), "a certificate is read");
    buf_init(&out, 8192);
    ok(pem_write(&out, "CERTIFICATE", chain.certs[0].data, chain.certs[0].data_len), "written");
    ok(pem_read_chain(buf_slice(&out), "again", &again, NULL) && again.count == 1 &&
           again.certs[0].data_len == chain.certs[0].data_len &&
           memcmp(again.certs[0].data, chain.certs[0].data, chain.certs[0].data_len) == 0,
       "and read again");
    pem_chain_fini(&again);
    buf_fini(&out);
    buf_init(&out, 100);
    ok(!pem_write(&out, "CERTIFICATE", chain.certs[0].data, chain.certs[0].data_len) &&
           out.len == 0,
       "without room nothing is written");
    buf_fini(&out);
    pem_chain_fini(&chain);
}

int main(void)
{
    if (!ok(shell_init(), "a folder"))
        return done_testing();
    if (!ok(make_files() && make_odd_files(), "keys and certificates are made"))
        return done_testing();
    test_chains();
    test_keys();
    test_text();
    test_ec_values();
    test_long_key();
    test_match();
    test_anchors();
    test_facts();
    test_damage();
    test_write();
    test_write_sizes();
    ok(shell_fini(), "the folder is removed");
    return done_testing();
}
