/*
 * Certificate chains made to a description, and signed: "key=value" separated by spaces, later
 * ones over earlier ones. A digit and a dot before the key say which certificate: 0 is the leaf,
 * signed by 1, and so on; the last one is signed by itself. Without a digit:
 *
 *   count=3 send=01 anchors=2   how many there are, which ones are sent, which ones are trusted
 *   host=NAME purpose=client
 *
 * Keys of a certificate; "-" leaves the element out, "#HEX" gives its octets:
 *
 *   version=3  serial=HEX  from=SECONDS to=SECONDS (from now)
 *   name=CN or O/CN  issuer=NAME  signer=DIGIT  flip=1 (a bit of the signature)
 *   key=p256/N, p384/N, p521/N, rsaBITS/N: the Nth of that kind (N: 1 to 9)
 *   spki=#HEX, or a key that isn't one: R/BITS/EXPONENT/LAST (BITS below 0: without a sign octet;
 *   exponent and last octet in HEX), E/SIZE/FIRST (of a P-256 point)
 *   alg=es256, es384, es512, es1, rs256, rs384, rs512, rs1; outer=the same, told outside
 *   Extensions, critical with "!" before the value:
 *   bc=0, 1 or 1/LENGTH  ku=HEX  eku=s,c,a,x (server, client, any, another)
 *   san=d:DNS,i:IP,m:MAIL,r:NAME  nc=+d:DNS,-i:IP/MASK…  ext=OIDHEX:HEX,… (several) ids=#HEX
 */
#ifndef TESTS_UNIT_CHAIN_H
#define TESTS_UNIT_CHAIN_H

#include "format/der.h"
#include "format/der_read.h"
#include "tls/verify.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define CHAIN_NOW 1700000000
#define CHAIN_MAX 10

enum field {
    VERSION,
    SERIAL,
    FROM,
    TO,
    NAME,
    ISSUER,
    SIGNER,
    FLIP,
    KEY,
    SPKI,
    ALG,
    OUTER,
    BC,
    KU,
    EKU,
    SAN,
    NC,
    EXT,
    IDS,
    FIELDS
};

struct spec {
    struct slice field[FIELDS];
};

struct chain {
    struct spec spec[CHAIN_MAX];
    struct slice count, send, anchors, host, purpose;
    struct buf der[CHAIN_MAX];
};

static void chain_die(const char *what, struct slice s)
{
    fprintf(stderr, "a description that makes no sense: %s: %.*s\n", what, (int)s.n, s.p);
    exit(2);
}

/* ---- descriptions */

static void chain_apply(struct chain *c, const char *description)
{
    static const char *const names[FIELDS] = {
        "version", "serial", "from", "to", "name", "issuer", "signer", "flip", "key", "spki",
        "alg",     "outer",  "bc",   "ku", "eku",  "san",    "nc",     "ext",  "ids"};
    struct slice rest = slice_of(description);

    while (rest.n > 0) {
        struct slice value = slice_cut(&rest, ' '), word = value, key = slice_cut(&value, '=');
        struct slice *place = NULL;

        if (word.n == 0)
            continue;
        if (key.n > 2 && key.p[1] == '.') {
            struct spec *spec = &c->spec[key.p[0] - '0'];

            for (int i = 0; i < FIELDS; i++)
                if (slice_eq(slice_make(key.p + 2, key.n - 2), slice_of(names[i])))
                    place = &spec->field[i];
        } else {
            place = slice_eq(key, SLICE("count"))     ? &c->count
                    : slice_eq(key, SLICE("send"))    ? &c->send
                    : slice_eq(key, SLICE("anchors")) ? &c->anchors
                    : slice_eq(key, SLICE("host"))    ? &c->host
                    : slice_eq(key, SLICE("purpose")) ? &c->purpose
                                                      : NULL;
        }
        if (!place)
            chain_die("key", word);
        *place = value;
    }
}

static void chain_init(struct chain *c)
{
    memset(c, 0, sizeof *c);
    chain_apply(c, "count=3 send=01 anchors=2 host=license.example purpose=server");
    for (int i = 0; i < CHAIN_MAX; i++) {
        static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
        static const char *const keys[] = {"p256/0", "p256/1", "p256/2", "p256/3", "p256/4",
                                           "p256/5", "p256/6", "p256/7", "p256/8", "p256/9"};
        struct slice *f = c->spec[i].field;

        f[VERSION] = SLICE("3");
        f[SERIAL] = SLICE("0102030405");
        f[FROM] = SLICE("-86400");
        f[TO] = SLICE("2592000");
        f[NAME] = slice_of(names[i]);
        f[KEY] = slice_of(keys[i]);
        f[ALG] = SLICE("es256");
        f[SPKI] = f[OUTER] = f[ISSUER] = f[SIGNER] = SLICE("-");
        f[NC] = f[EXT] = f[IDS] = f[FLIP] = f[EKU] = f[SAN] = SLICE("-");
        f[BC] = i == 0 ? SLICE("!0") : SLICE("!1");
        f[KU] = i == 0 ? SLICE("!80") : SLICE("!06");
        buf_init(&c->der[i], 65536);
    }
    c->spec[0].field[SAN] = SLICE("d:license.example");
    c->spec[0].field[EKU] = SLICE("s");
}

static void chain_fini(struct chain *c)
{
    for (int i = 0; i < CHAIN_MAX; i++)
        buf_fini(&c->der[i]);
}

static bool chain_is(struct slice s, const char *text)
{
    return slice_eq(s, slice_of(text));
}

static long chain_number(struct slice s)
{
    char text[32];

    if (!slice_copy(s, text, sizeof text))
        chain_die("number", s);
    return strtol(text, NULL, 10);
}

static void write_hex(struct der *d, struct slice hex)
{
    for (size_t i = hex.n; i >= 2; i -= 2) {
        uint64_t byte;

        if (!slice_hex_to_u64(slice_make(hex.p + i - 2, 2), &byte))
            chain_die("hexadecimal", hex);
        der_byte(d, (uint8_t)byte);
    }
}

/* Whether the value is "#HEX": then it is written. */
static bool write_raw(struct der *d, struct slice value)
{
    if (value.n == 0 || value.p[0] != '#')
        return false;
    write_hex(d, slice_make(value.p + 1, value.n - 1));
    return true;
}

/* ---- keys */

struct chain_key {
    int curve; /* 0: RSA */
    uint8_t scalar[66];
    br_ec_private_key ec;
    br_rsa_private_key rsa;
    uint8_t rsa_bytes[BR_RSA_KBUF_PRIV_SIZE(4096)];
    uint8_t pub[BR_RSA_KBUF_PUB_SIZE(4096)];
    size_t pub_size; /* of an EC point, or RSA modulus */
    char name[16];
};

/* RSA keys take time to make: from seeds that were found to be quick. */
static void make_rsa(struct chain_key *k, unsigned bits)
{
    static const struct {
        const char *name, *seed;
    } seeds[] = {{"rsa1024/1", "rsa1024/1-2"},
                 {"rsa2048/1", "rsa2048/1-19"},
                 {"rsa2048/2", "rsa2048/2-1"},
                 {"rsa3072/1", "rsa3072/1-40"}};
    const char *seed = k->name;
    br_hmac_drbg_context rng;
    br_rsa_public_key pub;

    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        if (strcmp(seeds[i].name, k->name) == 0)
            seed = seeds[i].seed;
    br_hmac_drbg_init(&rng, &br_sha256_vtable, seed, strlen(seed));
    if (!br_rsa_keygen_get_default()(&rng.vtable, &k->rsa, k->rsa_bytes, &pub, k->pub, bits, 65537))
        abort();
    k->pub_size = pub.nlen;
}

static const struct chain_key *chain_key(struct slice name)
{
    static struct chain_key keys[32];
    struct chain_key *k = keys;
    br_sha512_context sha;
    struct slice number = name, kind = slice_cut(&number, '/');

    while (k < keys + 32 && k->name[0] && !chain_is(name, k->name))
        k++;
    if (k == keys + 32)
        abort();
    if (k->name[0])
        return k;
    if (!slice_copy(name, k->name, sizeof k->name))
        abort();
    if (slice_starts_with(kind, SLICE("rsa"))) {
        make_rsa(k, (unsigned)chain_number(slice_make(kind.p + 3, kind.n - 3)));
        return k;
    }
    k->curve = chain_is(kind, "p256")   ? BR_EC_secp256r1
               : chain_is(kind, "p384") ? BR_EC_secp384r1
                                        : BR_EC_secp521r1;
    br_sha512_init(&sha);
    br_sha512_update(&sha, name.p, name.n);
    br_sha512_out(&sha, k->scalar + 1);
    k->scalar[1] &= 0x7f;
    k->ec = (br_ec_private_key){k->curve, k->scalar + (k->curve == BR_EC_secp521r1 ? 0 : 1),
                                k->curve == BR_EC_secp256r1   ? 32
                                : k->curve == BR_EC_secp384r1 ? 48
                                                              : 66};
    k->pub_size = br_ec_compute_pub(br_ec_get_default(), NULL, k->pub, &k->ec);
    if (k->pub_size == 0)
        chain_die("key", name);
    return k;
}

/* Around the modulus and exponent since mark. */
static void write_rsa_spki(struct der *d, size_t mark)
{
    static const uint8_t rsa[] = {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0};

    der_wrap(d, DER_SEQUENCE, mark);
    der_byte(d, 0);
    der_wrap(d, DER_BIT_STRING, mark);
    der_bytes(d, rsa, sizeof rsa);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_spki(struct der *d, const struct chain_key *k)
{
    static const uint8_t p256[] = {0x30, 19, 6,    7,    0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1,
                                   6,    8,  0x2a, 0x86, 0x48, 0xce, 0x3d, 3,    1,    7};
    static const uint8_t p384[] = {0x30, 16, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                   2,    1,  6, 5, 0x2b, 0x81, 4,    0,    0x22};
    static const uint8_t p521[] = {0x30, 16, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                   2,    1,  6, 5, 0x2b, 0x81, 4,    0,    0x23};
    size_t mark = der_mark(d);

    if (k->curve == 0) {
        der_small(d, 65537);
        der_unsigned(d, k->pub, k->pub_size);
        write_rsa_spki(d, mark);
        return;
    }
    der_bits(d, k->pub, k->pub_size, 0);
    if (k->curve == BR_EC_secp256r1)
        der_bytes(d, p256, sizeof p256);
    else if (k->curve == BR_EC_secp384r1)
        der_bytes(d, p384, sizeof p384);
    else
        der_bytes(d, p521, sizeof p521);
    der_wrap(d, DER_SEQUENCE, mark);
}

/* Keys nobody has. */
static void write_odd_spki(struct der *d, struct slice value)
{
    struct slice rest = value, kind = slice_cut(&rest, '/'), size = slice_cut(&rest, '/');
    struct chain_key k = {.curve = BR_EC_secp256r1};
    long bits = chain_number(size);
    struct slice e = rest, last;
    size_t mark = der_mark(d), n = (size_t)(labs(bits) + 7) / 8;
    uint8_t octets[1024];
    struct der number;

    memset(octets, 0x5a, sizeof octets);
    if (chain_is(kind, "E")) {
        k.pub_size = (size_t)bits;
        memcpy(k.pub, octets, k.pub_size);
        der_init(&number, octets, sizeof octets);
        write_hex(&number, rest);
        k.pub[0] = octets[sizeof octets - 1];
        write_spki(d, &k);
        return;
    }
    last = e;
    e = slice_cut(&last, '/');
    octets[0] = (uint8_t)(0xff >> (n * 8 - (size_t)labs(bits)));
    der_init(&number, octets + n - 1, 1);
    write_hex(&number, last);
    write_hex(d, e);
    der_wrap(d, DER_INTEGER, mark);
    if (bits > 0) {
        der_unsigned(d, octets, n);
    } else {
        size_t inner = der_mark(d);

        der_bytes(d, octets, n);
        der_wrap(d, DER_INTEGER, inner);
    }
    write_rsa_spki(d, mark);
}

/* ---- parts */

static const struct {
    const char *name;
    const char *algorithm; /* AlgorithmIdentifier */
    const br_hash_class *hash;
    const uint8_t *oid; /* of the hash, with its length before it, for PKCS #1 */
    bool rsa;
} chain_algs[] = {
    {"es256", "300a06082a8648ce3d040302", &br_sha256_vtable, NULL, false},
    {"es384", "300a06082a8648ce3d040303", &br_sha384_vtable, NULL, false},
    {"es512", "300a06082a8648ce3d040304", &br_sha512_vtable, NULL, false},
    {"es224", "300a06082a8648ce3d040301", &br_sha224_vtable, NULL, false},
    {"es1", "300906072a8648ce3d0401", &br_sha1_vtable, NULL, false},
    {"rs256", "300d06092a864886f70d01010b0500", &br_sha256_vtable, BR_HASH_OID_SHA256, true},
    {"rs384", "300d06092a864886f70d01010c0500", &br_sha384_vtable, BR_HASH_OID_SHA384, true},
    {"rs512", "300d06092a864886f70d01010d0500", &br_sha512_vtable, BR_HASH_OID_SHA512, true},
    {"rs224", "300d06092a864886f70d01010e0500", &br_sha224_vtable, BR_HASH_OID_SHA224, true},
    {"rs1", "300d06092a864886f70d0101050500", &br_sha1_vtable, BR_HASH_OID_SHA1, true},
};

static size_t find_alg(struct slice name)
{
    size_t i = 0;

    while (i < sizeof chain_algs / sizeof chain_algs[0] && !chain_is(name, chain_algs[i].name))
        i++;
    if (i == sizeof chain_algs / sizeof chain_algs[0])
        chain_die("algorithm", name);
    return i;
}

static void write_alg(struct der *d, struct slice name)
{
    if (!write_raw(d, name))
        write_hex(d, slice_of(chain_algs[find_alg(name)].algorithm));
}

static void write_rdn(struct der *d, uint8_t type, struct slice text)
{
    const uint8_t oid[] = {0x55, 4, type};
    size_t mark = der_mark(d);

    der_string(d, 0x0c, text);
    der_string(d, DER_OID, slice_make((const char *)oid, sizeof oid));
    der_wrap(d, DER_SEQUENCE, mark);
    der_wrap(d, DER_SET, mark);
}

/* "-" is empty, "O/" has no common name. */
static void write_name(struct der *d, struct slice name)
{
    size_t mark = der_mark(d);
    const char *slash = memchr(name.p, '/', name.n);

    if (!chain_is(name, "-")) {
        struct slice cn = name, o = slash ? slice_cut(&cn, '/') : (struct slice){0};

        if (cn.n > 0)
            write_rdn(d, 3, cn);
        if (o.n > 0)
            write_rdn(d, 10, o);
    }
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_time(struct der *d, struct slice value)
{
    if (!write_raw(d, value))
        der_time(d, CHAIN_NOW + chain_number(value));
}

static void write_ip(struct der *d, struct slice text)
{
    uint8_t bytes[16];
    char address[64];

    if (write_raw(d, text))
        return;
    if (!slice_copy(text, address, sizeof address))
        abort();
    if (inet_pton(AF_INET, address, bytes) == 1)
        der_bytes(d, bytes, 4);
    else if (inet_pton(AF_INET6, address, bytes) == 1)
        der_bytes(d, bytes, 16);
    else
        chain_die("address", text);
}

/* One GeneralName: "d:…" and so on. */
static void write_general(struct der *d, struct slice name)
{
    size_t mark = der_mark(d);
    struct slice text = slice_make(name.p + 2, name.n - 2);

    switch (name.p[0]) {
    case 'd':
        if (!write_raw(d, text))
            der_bytes(d, text.p, text.n);
        der_wrap(d, 0x82, mark);
        break;
    case 'm':
        der_bytes(d, text.p, text.n);
        der_wrap(d, 0x81, mark);
        break;
    case 'r':
        write_name(d, text);
        der_wrap(d, 0xa4, mark);
        break;
    case 'i': {
        struct slice mask = text, address = slice_cut(&mask, '/');

        if (mask.n > 0)
            write_ip(d, mask);
        write_ip(d, address);
        der_wrap(d, 0x87, mark);
        break;
    }
    default:
        chain_die("name", name);
    }
}

/* The elements of a list, backwards. */
static bool take_last(struct slice *list, struct slice *element)
{
    size_t n = list->n;

    if (n == 0)
        return false;
    while (n > 0 && list->p[n - 1] != ',')
        n--;
    *element = slice_make(list->p + n, list->n - n);
    list->n = n > 0 ? n - 1 : 0;
    return true;
}

static void write_subtrees(struct der *d, struct slice list, char sign, uint8_t tag)
{
    size_t mark = der_mark(d);
    struct slice element;

    while (take_last(&list, &element)) {
        size_t inner = der_mark(d);

        if (element.p[0] != sign)
            continue;
        write_general(d, slice_make(element.p + 1, element.n - 1));
        der_wrap(d, DER_SEQUENCE, inner);
    }
    if (der_mark(d) > mark)
        der_wrap(d, tag, mark);
}

static void write_value(struct der *d, enum field field, struct slice value)
{
    static const uint8_t id_kp[] = {0x2b, 6, 1, 5, 5, 7, 3}, any[] = {0x55, 0x1d, 0x25, 0};
    size_t mark = der_mark(d);
    struct slice element;

    if (write_raw(d, value))
        return;
    switch (field) {
    case BC: {
        struct slice length = value, ca = slice_cut(&length, '/');

        if (length.n > 0)
            der_small(d, (unsigned)chain_number(length));
        if (chain_is(ca, "1"))
            der_true(d);
        break;
    }
    case KU: {
        uint64_t bits;

        if (!slice_hex_to_u64(value, &bits) || bits > 255)
            chain_die("bits", value);
        der_byte(d, (uint8_t)bits);
        der_byte(d, bits ? (uint8_t)__builtin_ctz((unsigned)bits) : 0);
        der_wrap(d, DER_BIT_STRING, mark);
        return;
    }
    case EKU:
        while (take_last(&value, &element)) {
            size_t inner = der_mark(d);

            if (element.p[0] == 'a') {
                der_bytes(d, any, sizeof any);
            } else {
                der_byte(d, element.p[0] == 's' ? 1 : element.p[0] == 'c' ? 2 : 3);
                der_bytes(d, id_kp, sizeof id_kp);
            }
            der_wrap(d, DER_OID, inner);
        }
        break;
    case SAN:
        while (take_last(&value, &element))
            write_general(d, element);
        break;
    default:
        write_subtrees(d, value, '-', 0xa1);
        write_subtrees(d, value, '+', 0xa0);
        break;
    }
    der_wrap(d, DER_SEQUENCE, mark);
}

static void wrap_value(struct der *d, size_t mark, bool critical, struct slice oid_hex)
{
    size_t inner;

    der_wrap(d, DER_OCTET_STRING, mark);
    if (critical)
        der_true(d);
    inner = der_mark(d);
    write_hex(d, oid_hex);
    der_wrap(d, DER_OID, inner);
    der_wrap(d, DER_SEQUENCE, mark);
}

static void write_extensions(struct der *d, const struct spec *spec)
{
    static const struct {
        enum field field;
        const char *oid;
    } known[] = {{NC, "551d1e"}, {SAN, "551d11"}, {EKU, "551d25"}, {KU, "551d0f"}, {BC, "551d13"}};
    size_t mark = der_mark(d);
    struct slice list = spec->field[EXT], element;

    if (write_raw(d, list))
        return;
    while (!chain_is(spec->field[EXT], "-") && take_last(&list, &element)) {
        struct slice value = element, oid = slice_cut(&value, ':');
        bool critical = oid.p[0] == '!';
        size_t inner = der_mark(d);

        write_hex(d, value);
        wrap_value(d, inner, critical, slice_make(oid.p + critical, oid.n - critical));
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct slice value = spec->field[known[i].field];
        bool critical = value.p[0] == '!';
        size_t inner = der_mark(d);

        if (chain_is(value, "-"))
            continue;
        write_value(d, known[i].field, slice_make(value.p + critical, value.n - critical));
        wrap_value(d, inner, critical, slice_of(known[i].oid));
    }
    if (der_mark(d) == mark)
        return;
    der_wrap(d, DER_SEQUENCE, mark);
    der_wrap(d, DER_CONTEXT_CONSTRUCTED + 3, mark);
}

/* ---- whole certificates */

static void write_signature(struct der *d, const struct spec *spec, const struct chain_key *key,
                            const uint8_t *tbs, size_t n)
{
    bool raw = spec->field[ALG].p[0] == '#';
    size_t alg = find_alg(raw ? key->curve ? SLICE("es256") : SLICE("rs256") : spec->field[ALG]);
    const br_hash_class *hash = chain_algs[alg].hash;
    br_hash_compat_context c;
    uint8_t digest[64], signature[512];
    size_t size;

    hash->init(&c.vtable);
    hash->update(&c.vtable, tbs, n);
    hash->out(&c.vtable, digest);
    if (chain_algs[alg].rsa != (key->curve == 0))
        chain_die("algorithm for that key", spec->field[ALG]);
    if (chain_algs[alg].rsa) {
        size = key->pub_size;
        if (!br_rsa_pkcs1_sign_get_default()(
                chain_algs[alg].oid, digest,
                (hash->desc >> BR_HASHDESC_OUT_OFF) & BR_HASHDESC_OUT_MASK, &key->rsa, signature))
            abort();
    } else {
        size = br_ecdsa_sign_asn1_get_default()(br_ec_get_default(), hash, digest, &key->ec,
                                                signature);
    }
    if (!chain_is(spec->field[FLIP], "-"))
        signature[size - 1] ^= 1;
    der_bits(d, signature, size, 0);
}

static int signer_of(const struct chain *c, int i, int count)
{
    struct slice signer = c->spec[i].field[SIGNER];

    return !chain_is(signer, "-") ? signer.p[0] - '0' : i + 1 < count ? i + 1 : i;
}

static void make_cert(struct chain *c, int i, int count)
{
    static uint8_t tbs_room[65536], room[65536];
    const struct spec *spec = &c->spec[i];
    const struct slice *f = spec->field;
    int signer = signer_of(c, i, count);
    struct slice tbs, whole;
    struct der d;
    size_t mark;

    der_init(&d, tbs_room, sizeof tbs_room);
    write_extensions(&d, spec);
    if (!chain_is(f[IDS], "-"))
        write_raw(&d, f[IDS]);
    if (!chain_is(f[SPKI], "-") && f[SPKI].p[0] != '#')
        write_odd_spki(&d, f[SPKI]);
    else if (!write_raw(&d, f[SPKI]))
        write_spki(&d, chain_key(f[KEY]));
    write_name(&d, f[NAME]);
    mark = der_mark(&d);
    write_time(&d, f[TO]);
    write_time(&d, f[FROM]);
    der_wrap(&d, DER_SEQUENCE, mark);
    write_name(&d, chain_is(f[ISSUER], "-") ? c->spec[signer].field[NAME] : f[ISSUER]);
    write_alg(&d, f[ALG]);
    mark = der_mark(&d);
    write_hex(&d, f[SERIAL]);
    der_wrap(&d, DER_INTEGER, mark);
    if (!chain_is(f[VERSION], "-")) {
        mark = der_mark(&d);
        der_small(&d, (unsigned)chain_number(f[VERSION]) - 1);
        der_wrap(&d, DER_CONTEXT_CONSTRUCTED, mark);
    }
    der_wrap(&d, DER_SEQUENCE, 0);
    tbs = der_result(&d);

    der_init(&d, room, sizeof room);
    write_signature(&d, spec, chain_key(c->spec[signer].field[KEY]), (const uint8_t *)tbs.p, tbs.n);
    write_alg(&d, chain_is(f[OUTER], "-") ? f[ALG] : f[OUTER]);
    der_bytes(&d, tbs.p, tbs.n);
    der_wrap(&d, DER_SEQUENCE, 0);
    whole = der_result(&d);
    if (whole.n == 0 || !buf_append_slice(&c->der[i], whole))
        chain_die("too large", f[NAME]);
}

/* All that a certificate is made from; 0: too much to be remembered. */
static size_t write_recipe(const struct chain *c, int i, int count, char *out, size_t size)
{
    const struct slice *f = c->spec[i].field;
    int signer = signer_of(c, i, count);
    size_t n = 0;

    for (int k = 0; k < FIELDS + 2; k++) {
        struct slice part = k < FIELDS    ? f[k]
                            : k == FIELDS ? c->spec[signer].field[NAME]
                                          : c->spec[signer].field[KEY];

        if (n + part.n + 1 >= size)
            return 0;
        memcpy(out + n, part.p, part.n);
        n += part.n;
        out[n++] = ' ';
    }
    return n;
}

/* Makes every certificate of the description; the same one is signed once. */
static void chain_make(struct chain *c)
{
    static struct {
        char recipe[512];
        size_t size;
        struct buf der;
    } made[512];
    static size_t used;
    int count = (int)chain_number(c->count);

    for (int i = 0; i < count; i++) {
        char recipe[sizeof made[0].recipe];
        size_t n = write_recipe(c, i, count, recipe, sizeof recipe), k = 0;

        while (k < used && (made[k].size != n || memcmp(made[k].recipe, recipe, n) != 0))
            k++;
        if (n > 0 && k < used) {
            if (!buf_append_slice(&c->der[i], buf_slice(&made[k].der)))
                abort();
            continue;
        }
        make_cert(c, i, count);
        if (n > 0 && used < sizeof made / sizeof made[0]) {
            memcpy(made[used].recipe, recipe, n);
            made[used].size = n;
            buf_init(&made[used].der, 65536);
            if (!buf_append_slice(&made[used++].der, buf_slice(&c->der[i])))
                abort();
        }
    }
}

/* The anchors as a PEM file gives them. */
static struct tls_trust *chain_trust(const struct chain *c)
{
    struct pem_anchors anchors = {0};
    struct err err = {0};
    struct tls_trust *trust;
    struct buf pem;

    buf_init(&pem, 1 << 20);
    for (size_t i = 0; i < c->anchors.n; i++) {
        const struct buf *der = &c->der[c->anchors.p[i] - '0'];

        if (!pem_write(&pem, "CERTIFICATE", der->data + der->off, der->len))
            abort();
    }
    if (!pem_read_anchors(buf_slice(&pem), "anchors", &anchors, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    buf_fini(&pem);
    trust = tls_trust_take(&anchors, NULL);
    if (!trust)
        abort();
    return trust;
}

/* Shows the chain to a verifier, in pieces of that size, as an engine would. The verdict. */
static unsigned chain_show(const struct chain *c, struct verify *v, size_t piece)
{
    static char host[256];

    if (!slice_copy(c->host, host, sizeof host))
        abort();
    v->vtable->start_chain(&v->vtable,
                           v->purpose == VERIFY_SERVER && v->ip_size == 0 ? host : NULL);
    for (size_t i = 0; i < c->send.n; i++) {
        const struct buf *der = &c->der[c->send.p[i] - '0'];

        v->vtable->start_cert(&v->vtable, (uint32_t)der->len);
        for (size_t at = 0; at < der->len; at += piece)
            v->vtable->append(&v->vtable, der->data + der->off + at,
                              der->len - at < piece ? der->len - at : piece);
        v->vtable->end_cert(&v->vtable);
    }
    return v->vtable->end_chain(&v->vtable);
}

#endif
