/* Pins, and IP addresses in certificates. Certificates come from the openssl command. */
#include "tap.h"

#include "page.h"
#include "shell.h"

#include "base/fs.h"
#include "tls/names.h"
#include "tls/verify.h"
#include "tls/x509.h"

#include <arpa/inet.h>

static struct page page;

/* ---- pins */

static void pin_reads(const char *text)
{
    uint8_t out[32];
    bool same = true;
    bool read = verify_read_pin(page_put(&page, slice_of(text)), out);

    for (size_t i = 0; i < sizeof out; i++)
        same = same && out[i] == (uint8_t)(i * 8 + 3);
    ok(read && same, "a pin: %s", text);
}

static void pin_refused(const char *text, const char *why)
{
    uint8_t out[32];

    ok(!verify_read_pin(page_put(&page, slice_of(text)), out), "no pin, %s: \"%s\"", why, text);
}

#define BASE64 "AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s="
#define HEX "030b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fb"

static void test_pins(void)
{
    char text[80];

    pin_reads(BASE64);
    pin_reads("sha256//" BASE64);
    pin_reads(HEX);
    pin_reads("sha256//" HEX);
    pin_reads("030B131B232B333B434B535B636B737B838B939BA3ABB3BBC3CBD3DBE3EBF3FB");
    pin_refused("", "empty");
    pin_refused("sha256//", "only the prefix");
    pin_refused("sha1//" BASE64, "another hash");
    pin_refused("SHA256//" BASE64, "the prefix in capitals");
    pin_refused("sha256/" BASE64, "half a prefix");
    pin_refused("AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s", "no padding");
    pin_refused("AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/==", "a digit short");
    pin_refused("AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/t=", "bits behind the last byte");
    pin_refused("AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2-Pr8_s=", "base64url");
    pin_refused(BASE64 " ", "a blank at the end");
    pin_refused(" " BASE64, "a blank at the start");
    pin_refused("AwsTGyMrMztDS1NbY2tze4OLk5ujq7O7w8vT2+Pr8/s\n", "a line end for the padding");
    pin_refused("030b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3f", "63 digits");
    pin_refused(HEX "0", "65 digits");
    pin_refused("+30b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fb", "a sign");
    pin_refused("030b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fg", "no digit");
    pin_refused("0x0b131b232b333b434b535b636b737b838b939ba3abb3bbc3cbd3dbe3ebf3fb", "0x");
    pin_refused("03:0b:13:1b:23:2b:33:3b:43:4b:53:5b:63:6b:73:7b:83:8b:93:9b:a3:ab:b3:bb:c3:cb:d3",
                "a fingerprint with colons");
    for (size_t i = 0; i < sizeof BASE64 - 1; i++) {
        uint8_t out[32];

        memcpy(text, BASE64, sizeof BASE64);
        text[i] = '\0';
        if (verify_read_pin(page_put(&page, slice_make(text, sizeof BASE64 - 1)), out))
            ok(false, "a NUL at %zu is no digit", i);
        if (verify_read_pin(page_put(&page, slice_make(BASE64, i)), out))
            ok(false, "%zu digits are too few", i);
    }
    ok(true, "no NUL is taken for a digit, and no beginning for a pin");
}

/* ---- addresses */

static bool make_files(void)
{
    return shell("set -e\n"
                 "openssl ecparam -name prime256v1 -genkey -noout -out key\n"
                 "make() { n=$1; shift\n"
                 "  openssl req -x509 -new -key key -subj /CN=${cn:-x} -days 30 -outform der "
                 "    -out $n.der \"$@\"; }\n"
                 "make v4 -addext subjectAltName=IP:192.0.2.7\n"
                 "make v6 -addext subjectAltName=IP:2001:db8::7\n"
                 "make mapped -addext subjectAltName=IP:::ffff:192.0.2.7\n"
                 "make both -addext subjectAltName=DNS:a.example,IP:192.0.2.9,email:a@b.example,"
                 "IP:2001:db8::7,URI:https://192.0.2.8/,IP:192.0.2.7\n"
                 "make critical -addext subjectAltName=critical,IP:192.0.2.7\n"
                 "make dns -addext subjectAltName=DNS:192.0.2.7,URI:https://192.0.2.7/\n"
                 "make other -addext "
                 "'subjectAltName=otherName:1.2.3.4;UTF8:192.0.2.7'\n"
                 "cn=192.0.2.7 make cn\n"
                 "make none\n"
                 "make net -addext subjectAltName=IP:192.0.2.7 "
                 "  -addext nameConstraints=permitted\\;IP:192.0.2.7/255.255.255.255\n"
                 "make constrained -addext "
                 "nameConstraints=permitted\\;IP:192.0.2.7/255.255.255.255\n"
                 "openssl req -new -key key -subj /CN=x -out v1.csr\n"
                 "openssl x509 -req -in v1.csr -signkey key -outform der -out v1.der\n");
}

static const char v4[] = "192.0.2.7", v6[] = "2001:db8::7";

static bool has_ip(struct slice certificate, const char *text)
{
    uint8_t ip[16];
    struct x509 x;

    if (x509_read(certificate, &x) != 0)
        return false;
    if (inet_pton(AF_INET, text, ip) == 1)
        return names_have_ip(x.value[X509_ALT_NAMES], ip, 4);
    return inet_pton(AF_INET6, text, ip) == 1 && names_have_ip(x.value[X509_ALT_NAMES], ip, 16);
}

static void check(const char *file, const char *ip, bool want)
{
    struct buf der;
    struct err err = {0};

    buf_init(&der, LIMIT_CERTIFICATE);
    if (!fs_read_file(shell_path(file), &der, &err))
        ok(false, "%s: %s", file, err.text);
    else
        ok(has_ip(page_put(&page, buf_slice(&der)), ip) == want, "%s %s %s", file,
           want ? "carries" : "does not carry", ip);
    buf_fini(&der);
}

/* Every beginning of the certificate, and every byte of it changed: answered, whatever it is. */
static void try_damage(const char *file)
{
    struct buf der;
    struct err err = {0};
    size_t cut_found = 0, found = 0;
    struct slice s;

    buf_init(&der, LIMIT_CERTIFICATE);
    if (!fs_read_file(shell_path(file), &der, &err)) {
        ok(false, "%s: %s", file, err.text);
        return;
    }
    s = buf_slice(&der);
    for (size_t i = 0; i < s.n; i++)
        cut_found += has_ip(page_put(&page, slice_make(s.p, i)), v4);
    is_int(cut_found, 0, "no beginning of a certificate carries the address");
    for (size_t i = 0; i < s.n; i++) {
        for (unsigned change = 1; change < 256; change <<= 1) {
            struct slice copy = page_put(&page, s);

            ((char *)(uintptr_t)copy.p)[i] = (char)((unsigned char)s.p[i] ^ change);
            found += has_ip(copy, v4);
        }
    }
    ok(found > 0 && found < s.n * 8, "a changed byte decides only where it matters (%zu of %zu)",
       found, s.n * 8);
    buf_fini(&der);
}

static void test_addresses(void)
{
    check("v4.der", v4, true);
    check("v4.der", "192.0.2.8", false);
    check("v4.der", "::ffff:192.0.2.7", false);
    check("v4.der", v6, false);
    check("v6.der", v6, true);
    check("v6.der", "2001:db8::8", false);
    check("v6.der", v4, false);
    check("mapped.der", v4, false);
    check("mapped.der", "::ffff:192.0.2.7", true);
    check("both.der", v4, true);
    check("both.der", "192.0.2.9", true);
    check("both.der", v6, true);
    check("both.der", "192.0.2.8", false);
    check("critical.der", v4, true);
    check("dns.der", v4, false);
    check("other.der", v4, false);
    check("cn.der", v4, false);
    check("none.der", v4, false);
    check("net.der", v4, true);
    check("constrained.der", v4, false);
    check("v1.der", v4, false);
    try_damage("v4.der");
    ok(!has_ip(page_put(&page, (struct slice){0}), v4), "nothing carries no address");
    ok(!has_ip(page_put(&page, SLICE("\x30\x84\xff\xff\xff\xff")), v4),
       "nor does a length without end");
}

int main(void)
{
    page = page_new(LIMIT_CERTIFICATE);
    test_pins();
    if (ok(shell_init() && make_files(), "openssl makes the certificates"))
        test_addresses();
    (void)shell_fini();
    page_free(&page);
    return done_testing();
}
