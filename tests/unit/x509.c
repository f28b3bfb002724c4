/*
 * Chains that must be accepted, and chains one change away from such a one that must be refused,
 * each for its own reason. They are made and signed here: tests/unit/chain.h tells how a chain is
 * described. Unless it says otherwise it is a leaf, an authority, and a root that is trusted and
 * not sent, all on P-256.
 */
#include "tap.h"

#include "chain.h"
#include "page.h"

#include "tls/names.h"
#include "tls/refusal.h"
#include "tls/x509.h"

#include <glob.h>

static struct tls_profile profile;

/* ---- accepted */

#define RSA_CHAIN "0.alg=rs256 1.alg=rs256 2.alg=rs256 1.key=rsa2048/1 2.key=rsa2048/2 "
#define SCT "2b06010401d679020402:0481020304"
#define POLICIES "551d20:300a3008060667810c010201"
#define AIA "2b06010505070101:3000"
#define CRLDP "551d1f:3000"
#define CLIENT "purpose=client 0.eku=c "
#define NAMES "3011820f6c6963656e73652e6578616d706c65" /* license.example, encoded */
#define EXPLICIT "0.ext=#a321301f301d0603551d110101"   /* then the flag, then: */
#define VALUE "0413" NAMES
#define WITHIN "1.nc=!+d:example,+i:192.0.2.0/255.255.255.0,-d:secret.example "
#define DIRECT "count=1 send=0 anchors=0 "

static const struct good {
    const char *name, *chain;
} goods[] = {
    {"leaf, authority, root", ""},
    {"of a root directly", "count=2 send=0 anchors=1"},
    {"the root sent along", "send=012"},
    {"the root sent along, signed with SHA-1", "send=012 2.alg=es1"},
    {"a root of RSA 1024 sent along behind the trusted one",
     "count=4 send=0123 anchors=2 2.alg=rs1 3.key=rsa1024/1 3.alg=rs1"},
    {"a root cross-signed by an old one, which is not trusted",
     "count=5 send=0134 anchors=2 1.signer=2 3.name=2 3.key=p256/2 3.alg=rs1 4.key=rsa1024/1 "
     "4.alg=rs1 3.signer=4"},
    {"the intermediate is the anchor", "send=012 anchors=1"},
    {"the intermediate is the anchor, and expired", "anchors=1 1.to=-1"},
    {"garbage behind the anchor", "count=3 send=012 2.serial=00 2.version=1"},
    {"four authorities", "count=6 send=01234 anchors=5"},
    {"as many certificates as are looked at", "count=9 send=01234567 anchors=8"},
    {"path lengths that just do", "count=5 send=0123 anchors=4 1.bc=!1/0 2.bc=!1/1 3.bc=!1/9"},
    {"a path length of 200", "1.bc=!1/200"},
    {"as a public authority with an RSA root makes them (short-lived, many names)",
     "1.key=rsa2048/1 2.key=rsa3072/1 0.alg=rs256 1.alg=rs256 2.alg=rs256 2.name=Root/X1 "
     "1.name=R11 "
     "1.bc=!1/0 1.ku=!86 1.eku=c,s 1.ext=551d0e:0401aa,551d23:3003800101," POLICIES "," CRLDP
     "," AIA " 0.eku=s,c 0.to=7776000 0.serial=7f0102030405060708090a0b0c0d0e0f1011 "
     "0.san=d:example,d:*.license.example,d:license.example,d:www.license.example "
     "0.ext=551d0e:0401aa,551d23:3003800101," POLICIES "," CRLDP "," AIA "," SCT},
    {"as a public authority on P-384 makes them (global constraints, the root cross-signed)",
     "count=4 send=012 anchors=3 3.key=p384/3 2.key=p384/2 1.key=p384/1 2.alg=es384 1.alg=es384 "
     "0.alg=es384 3.alg=es384 1.bc=!1/0 1.eku=s,c 2.nc=-d:mil,-i:10.0.0.0/255.0.0.0,-i:::/ffff:: "
     "0.ext=" SCT},
    {"as a public authority with RSA and a P-256 issuer makes them",
     "count=4 send=012 anchors=3 3.key=rsa2048/2 3.alg=rs384 2.alg=rs256 2.key=rsa2048/1 "
     "1.alg=rs256 "
     "1.eku=s,c 1.bc=!1/0 0.ku=!80"},
    {"as a company's own authority makes them (no identifiers, long-lived, old-fashioned)",
     RSA_CHAIN
     "0.key=rsa2048/2 0.ku=a0 0.eku=- 1.bc=1 1.ku=- 0.to=300000000 0.serial=01 1.serial=02 "
     "0.bc=#3003010100 0.name=Acme/license.example 2.name=Acme/Root"},
    {"as a company's constrained authority makes them",
     "1.nc=!+r:Acme/,+d:corp.example,+i:10.0.0.0/255.0.0.0,+m:corp.example 1.eku=s 0.name=Acme/x "
     "0.san=d:license.corp.example,i:10.1.2.3 host=license.corp.example"},
    {"as an appliance makes them for itself: trusted as such", DIRECT "0.ku=- 0.bc=!0"},
    {"self-made without any extension but the name", DIRECT "0.ku=- 0.bc=- 0.eku=-"},
    {"self-made and an authority", DIRECT "0.ku=- 0.bc=!1 0.eku=-"},
    {"self-made and signed with SHA-1: trusted as such", DIRECT "0.ku=- 0.bc=0 0.alg=es1"},
    {"self-made, RSA", DIRECT "0.key=rsa2048/1 0.alg=rs256"},
    {"a leaf that is trusted as such, of an authority that is not", "send=01 anchors=0"},
    {"no extended key usage", "0.eku=-"},
    {"any extended key usage", "0.eku=a"},
    {"a critical extended key usage", "0.eku=!s"},
    {"critical extended key usages throughout", "0.eku=!c,s 1.eku=!s"},
    {"an authority for servers and clients", "1.eku=c,s"},
    {"an authority for any purpose", "1.eku=a"},
    {"no key usage", "0.ku=- 1.ku=-"},
    {"key usages: signatures among others", "0.ku=!e8 1.ku=!86"},
    {"a leaf on P-384", "0.key=p384/0"},
    {"a leaf of RSA 2048", "0.key=rsa2048/1"},
    {"a leaf of RSA 3072", "0.key=rsa3072/1"},
    {"SHA-384 and SHA-512", "0.alg=es384 1.alg=es512"},
    {"RSA with SHA-384 and SHA-512", RSA_CHAIN "0.alg=rs384 1.alg=rs512"},
    {"a serial number of 20 octets, the first bit set",
     "0.serial=00ff0102030405060708090a0b0c0d0e0f10111213"},
    {"valid from this very second", "0.from=0"},
    {"valid until this very second", "0.to=0"},
    {"valid beyond 2049", "0.to=1000000000 1.to=1000000000"},
    {"a date in the long form before 2050", "0.to=#180f32303430303130313030303030305a"},
    {"a wildcard", "0.san=d:*.license.example host=a.license.example"},
    {"a wildcard with two labels after it", "0.san=d:*.example.com host=license.example.com"},
    {"the name in other letters", "0.san=d:LICENSE.Example host=license.exAMPLE"},
    {"the last of several names", "0.san=m:a@b.example,i:192.0.2.1,d:a.example,d:license.example"},
    {"an empty subject, critical names", "0.name=- 0.san=!d:license.example"},
    {"an IPv4 address", "0.san=i:192.0.2.7 host=192.0.2.7"},
    {"an IPv6 address", "0.san=d:a.example,i:2001:db8::7 host=2001:db8::7"},
    {"names within critical constraints", WITHIN},
    {"an address within constraints", WITHIN "0.san=i:192.0.2.7 host=192.0.2.7"},
    {"constraints that are not critical", "1.nc=+d:license.example"},
    {"constraints of the authority above", "count=4 send=012 anchors=3 2.nc=!+d:example"},
    {"constraints with a dot at the front", "1.nc=!+d:.example"},
    {"constraints by an empty name", "1.nc=!+d:,-d:other.example"},
    {"a subject within constraints", "1.nc=!+r:Acme/ 0.name=Acme/x"},
    {"constraints of other kinds only", "1.nc=!+m:example,-i:0.0.0.0/0.0.0.0"},
    {"an excluded name whose end it only looks like", "1.nc=!-d:ense.example"},
    {"unknown extensions", "0.ext=2a03:0500 1.ext=2a03:0500"},
    {"an extension said not to be critical", EXPLICIT "00" VALUE},
    {"critical policies", "1.ext=!" POLICIES},
    {"unique identifiers", "0.ids=#81020001"},
    {"a client", CLIENT},
    {"a client for both purposes", CLIENT "0.eku=s,c 1.eku=c,s"},
    {"a client without names", CLIENT "0.san=-"},
    {"a client without extensions", CLIENT "0.san=- 0.ku=- 0.eku=- 0.bc=-"},
    {"a client within constraints on its subject", CLIENT "0.san=- 1.nc=!+r:Acme/ 0.name=Acme/x"},
    {"a self-made client", CLIENT DIRECT "0.san=-"},
};

/* ---- refused */

/* chain: one that is accepted, and change: what makes it bad; at: which certificate is told. */
static const struct bad {
    const char *name, *chain, *change;
    unsigned code, at;
} bads[] = {
    /* purposes */
    {"a leaf for clients", "", "0.eku=c", REFUSED_PURPOSE, 0},
    {"a leaf for another purpose", "", "0.eku=x", REFUSED_PURPOSE, 0},
    {"a leaf for clients, critical", "", "0.eku=!c", REFUSED_PURPOSE, 0},
    {"a leaf for no purpose", "", "0.eku=#3000", REFUSED_EXTENSION, 0},
    {"an authority for clients", "", "1.eku=c", REFUSED_CA_PURPOSE, 1},
    {"an authority for clients, critical", "", "1.eku=!c", REFUSED_CA_PURPOSE, 1},
    {"an authority above for another purpose", "count=4 send=012 anchors=3", "2.eku=x",
     REFUSED_CA_PURPOSE, 2},
    {"a client with a server's certificate", CLIENT, "0.eku=s", REFUSED_PURPOSE, 0},
    {"a client of an authority for servers", CLIENT, "1.eku=s", REFUSED_CA_PURPOSE, 1},
    {"a server with a client's certificate", CLIENT, "purpose=server", REFUSED_PURPOSE, 0},
    {"a self-made one for clients", DIRECT, "0.eku=c", REFUSED_PURPOSE, 0},
    /* names */
    {"only a common name", "0.name=license.example", "0.san=-", REFUSED_NO_NAMES, 0},
    {"a common name beside other names", "0.name=license.example", "0.san=d:a.example",
     REFUSED_NAME, 0},
    {"a self-made one with a common name only", DIRECT "0.name=license.example", "0.san=-",
     REFUSED_NO_NAMES, 0},
    {"no names in the extension", "", "0.san=#3000", REFUSED_EXTENSION, 0},
    {"another name", "", "host=license.example.com", REFUSED_NAME, 0},
    {"a name below it", "", "host=a.license.example", REFUSED_NAME, 0},
    {"a name above it", "", "host=example", REFUSED_NAME, 0},
    {"a name with a NUL in it", "", "0.san=d:#6c6963656e73652e6578616d706c6500", REFUSED_NAME, 0},
    {"a name that ends in a dot", "", "0.san=d:license.example.", REFUSED_NAME, 0},
    {"the name as a mail address", "", "0.san=m:license.example", REFUSED_NAME, 0},
    {"a wildcard over two labels", "0.san=d:*.license.example host=a.license.example",
     "host=a.b.license.example", REFUSED_NAME, 0},
    {"a wildcard over no label", "0.san=d:*.license.example host=a.license.example",
     "host=license.example", REFUSED_NAME, 0},
    {"a wildcard over an empty label", "0.san=d:*.license.example host=a.license.example",
     "host=.license.example", REFUSED_NAME, 0},
    {"a wildcard for half a label", "", "0.san=d:lic*.example", REFUSED_NAME, 0},
    {"a wildcard at a label's end", "", "0.san=d:*ense.example", REFUSED_NAME, 0},
    {"a wildcard in the middle", "0.san=d:a.b.example host=a.b.example", "0.san=d:a.*.example",
     REFUSED_NAME, 0},
    {"a wildcard for a whole top-level domain", "", "0.san=d:*.example", REFUSED_NAME, 0},
    {"a wildcard for everything", "", "0.san=d:*", REFUSED_NAME, 0},
    {"another address", "0.san=i:192.0.2.7 host=192.0.2.7", "host=192.0.2.8", REFUSED_IP, 0},
    {"an address as a DNS name", "0.san=i:192.0.2.7 host=192.0.2.7", "0.san=d:192.0.2.7",
     REFUSED_IP, 0},
    {"an address under a wildcard", "0.san=i:192.0.2.7 host=192.0.2.7", "0.san=d:*.0.2.7",
     REFUSED_IP, 0},
    {"an IPv4 address mapped into IPv6", "0.san=i:192.0.2.7 host=192.0.2.7",
     "0.san=i:::ffff:192.0.2.7", REFUSED_IP, 0},
    {"an address with its mask", "0.san=i:192.0.2.7 host=192.0.2.7",
     "0.san=i:192.0.2.7/255.255.255.255", REFUSED_EXTENSION, 0},
    /* keys */
    {"a leaf of RSA 1024", "0.key=rsa2048/1", "0.key=rsa1024/1", REFUSED_RSA_SHORT, 0},
    {"a leaf of RSA 2047", "0.key=rsa2048/1", "0.spki=R/2047/010001/01", REFUSED_RSA_SHORT, 0},
    {"a leaf of RSA 4104", "0.key=rsa2048/1", "0.spki=R/4104/010001/01", REFUSED_RSA_LONG, 0},
    {"an authority of RSA 1024", "0.alg=rs256 1.key=rsa2048/1", "1.key=rsa1024/1",
     REFUSED_RSA_SHORT, 1},
    {"an RSA exponent of one", "0.key=rsa2048/1", "0.spki=R/2048/01/01", REFUSED_KEY, 0},
    {"an even RSA exponent", "0.key=rsa2048/1", "0.spki=R/2048/04/01", REFUSED_KEY, 0},
    {"an endless RSA exponent", "0.key=rsa2048/1", "0.spki=R/2048/0100000001/01", REFUSED_KEY, 0},
    {"an even RSA modulus", "0.key=rsa2048/1", "0.spki=R/2048/010001/02", REFUSED_KEY, 0},
    {"a negative RSA modulus", "0.key=rsa2048/1", "0.spki=R/-2048/010001/01", REFUSED_KEY, 0},
    {"a leaf on P-521", "", "0.key=p521/0", REFUSED_KEY_KIND, 0},
    {"an authority on P-521", "", "1.key=p521/1", REFUSED_KEY_KIND, 1},
    {"a leaf with Ed25519", "",
     "0.spki=#302a300506032b65700321000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"
     "1f20",
     REFUSED_KEY_KIND, 0},
    {"a compressed point", "", "0.spki=E/33/02", REFUSED_KEY, 0},
    {"a point cut short", "", "0.spki=E/64/04", REFUSED_KEY, 0},
    /* signatures */
    {"a leaf signed with SHA-1", "", "0.alg=es1", REFUSED_HASH, 0},
    {"a leaf signed with SHA-224", "", "0.alg=es224", REFUSED_HASH, 0},
    {"a leaf signed with RSA and SHA-1", RSA_CHAIN, "0.alg=rs1", REFUSED_HASH, 0},
    {"a leaf signed with RSA and SHA-224", RSA_CHAIN, "0.alg=rs224", REFUSED_HASH, 0},
    {"a leaf signed with RSA and MD5", RSA_CHAIN, "0.alg=#300d06092a864886f70d0101040500",
     REFUSED_HASH, 0},
    {"an authority signed with SHA-1", "", "1.alg=es1", REFUSED_HASH, 1},
    {"an authority signed with RSA and SHA-1", RSA_CHAIN, "1.alg=rs1", REFUSED_HASH, 1},
    {"a self-made authority's signature with SHA-1", DIRECT "0.bc=!1", "0.alg=es1", REFUSED_HASH,
     0},
    {"a leaf said to be signed with RSA-PSS", "", "0.alg=#300b06092a864886f70d01010a",
     REFUSED_SIGNATURE_KIND, 0},
    {"a leaf said to be signed with Ed25519", "", "0.alg=#300506032b6570", REFUSED_SIGNATURE_KIND,
     0},
    {"SHA-256 inside, SHA-384 outside", "", "0.outer=es384", REFUSED_ALGORITHMS, 0},
    {"SHA-1 inside, SHA-256 outside", "", "0.outer=#300906072a8648ce3d0401", REFUSED_ALGORITHMS, 0},
    {"parameters outside only", "", "1.outer=#300c06082a8648ce3d0403020500", REFUSED_ALGORITHMS, 1},
    {"a signature with a bit changed", "", "0.flip=1", BR_ERR_X509_BAD_SIGNATURE, 0},
    {"the authority's signature with a bit changed", "count=4 send=012 anchors=3", "1.flip=1",
     BR_ERR_X509_BAD_SIGNATURE, 0},
    {"the last signature with a bit changed", "", "1.flip=1", BR_ERR_X509_NOT_TRUSTED, 0},
    {"signed by another", "count=4 anchors=2", "0.signer=3", BR_ERR_X509_DN_MISMATCH, 0},
    /* the chain */
    {"no authority that is trusted", "count=4 anchors=2", "anchors=3", BR_ERR_X509_NOT_TRUSTED, 0},
    {"the intermediate not sent", "", "send=0", BR_ERR_X509_NOT_TRUSTED, 0},
    {"the wrong order", "count=4 send=012 anchors=3", "send=021", BR_ERR_X509_DN_MISMATCH, 0},
    {"nothing sent", "", "send=", BR_ERR_X509_EMPTY_CHAIN, 0},
    {"another's certificate of the trusted name", "count=4 anchors=2 3.name=2", "anchors=3",
     BR_ERR_X509_NOT_TRUSTED, 0},
    {"one certificate more than are looked at", "count=10 send=012345678 anchors=8", "anchors=9",
     REFUSED_CHAIN, 8},
    {"signed by a leaf", "", "1.bc=!0", REFUSED_NOT_CA, 1},
    {"signed by one without basicConstraints", "", "1.bc=-", REFUSED_NOT_CA, 1},
    {"signed by one not said to be an authority", "", "1.bc=!#3003010100", REFUSED_NOT_CA, 1},
    {"a path length of zero above an authority", "count=4 send=012 anchors=3", "2.bc=!1/0",
     REFUSED_PATH_LENGTH, 2},
    {"a path length of one above two", "count=5 send=0123 anchors=4", "3.bc=!1/1",
     REFUSED_PATH_LENGTH, 3},
    {"a path length for a leaf", "", "0.bc=!0/0", REFUSED_EXTENSION, 0},
    {"a negative path length", "", "1.bc=!#30060101ff0201ff", REFUSED_EXTENSION, 1},
    {"an authority by halves", "", "1.bc=!#3003010101", REFUSED_EXTENSION, 1},
    {"more in basicConstraints", "", "1.bc=!#30060101ff040100", REFUSED_EXTENSION, 1},
    {"an authority that may not sign certificates", "", "1.ku=!02", REFUSED_CA_USAGE, 1},
    {"an authority above that may not", "count=4 send=012 anchors=3", "2.ku=!80", REFUSED_CA_USAGE,
     2},
    {"an authority for nothing", "", "1.ku=!#030100", REFUSED_CA_USAGE, 1},
    {"a leaf that may not sign", "", "0.ku=!20", REFUSED_USAGE, 0},
    {"a leaf that may not sign, not critical", "", "0.ku=20", REFUSED_USAGE, 0},
    {"a leaf that may sign contents, but nothing else", "", "0.ku=!40", REFUSED_USAGE, 0},
    {"a client that may not sign", CLIENT, "0.ku=!20", REFUSED_USAGE, 0},
    {"a key usage without a count of bits", "", "0.ku=#0300", REFUSED_EXTENSION, 0},
    {"a key usage of another type", "", "0.ku=#040180", REFUSED_EXTENSION, 0},
    /* constraints */
    {"a name not permitted", "", "1.nc=!+d:other.example", REFUSED_NOT_PERMITTED, 1},
    {"a name not permitted, not critical", "", "1.nc=+d:other.example", REFUSED_NOT_PERMITTED, 1},
    {"a name not permitted by the one above", "count=4 send=012 anchors=3 1.nc=!+d:example",
     "2.nc=!+d:other", REFUSED_NOT_PERMITTED, 2},
    {"an excluded name", "", "1.nc=!-d:example", REFUSED_EXCLUDED, 1},
    {"an excluded name, not critical", "", "1.nc=-d:license.example", REFUSED_EXCLUDED, 1},
    {"excluded within what is permitted", WITHIN, "1.nc=!+d:example,-d:license.example",
     REFUSED_EXCLUDED, 1},
    {"every name excluded", "", "1.nc=!-d:", REFUSED_EXCLUDED, 1},
    {"one of several names is not permitted", WITHIN "0.san=d:a.example,d:license.example",
     "0.san=d:a.other,d:license.example", REFUSED_NOT_PERMITTED, 1},
    {"one of several names is excluded", WITHIN "0.san=d:a.example,d:license.example",
     "0.san=d:a.secret.example,d:license.example", REFUSED_EXCLUDED, 1},
    {"a name that only ends like the permitted", "", "1.nc=!+d:ense.example", REFUSED_NOT_PERMITTED,
     1},
    {"a name above the permitted", "", "1.nc=!+d:a.license.example", REFUSED_NOT_PERMITTED, 1},
    {"not below the permitted", "", "1.nc=!+d:.license.example", REFUSED_NOT_PERMITTED, 1},
    {"excluded, but under a wildcard", WITHIN "0.san=d:*.b.example host=a.b.example",
     "1.nc=!-d:a.b.example", REFUSED_EXCLUDED, 1},
    {"a wildcard wider than permitted", "1.nc=!+d:b.example 0.san=d:*.b.example host=a.b.example",
     "1.nc=!+d:a.b.example", REFUSED_NOT_PERMITTED, 1},
    {"an address not permitted", WITHIN "0.san=i:192.0.2.7 host=192.0.2.7",
     "1.nc=!+i:192.0.3.0/255.255.255.0", REFUSED_NOT_PERMITTED, 1},
    {"an excluded address", "0.san=i:192.0.2.7 host=192.0.2.7", "1.nc=-i:192.0.2.4/255.255.255.252",
     REFUSED_EXCLUDED, 1},
    {"every address excluded", "0.san=i:2001:db8::7 host=2001:db8::7",
     "1.nc=!-i:::/::", REFUSED_EXCLUDED, 1},
    {"an IPv6 address not permitted", "0.san=i:2001:db8::7 host=2001:db8::7",
     "1.nc=!+i:2001:db8:1::/ffff:ffff:ffff::", REFUSED_NOT_PERMITTED, 1},
    {"an address beside the name excluded", "0.san=d:license.example,i:10.0.0.1",
     "1.nc=-i:10.0.0.0/255.0.0.0", REFUSED_EXCLUDED, 1},
    {"a subject not permitted", "1.nc=!+r:Acme/ 0.name=Acme/x", "0.name=Acma/x",
     REFUSED_NOT_PERMITTED, 1},
    {"an excluded subject", "0.name=Acme/x", "1.nc=!-r:Acme/", REFUSED_EXCLUDED, 1},
    {"a mail address where those are constrained", "1.nc=!+m:example",
     "0.san=d:license.example,m:a@b.example", REFUSED_NOT_PERMITTED, 1},
    {"an excluded mail address", "1.nc=!-m:example", "0.san=d:license.example,m:a@b.example",
     REFUSED_EXCLUDED, 1},
    {"a client's subject not permitted", CLIENT "0.san=- 0.name=Acme/x", "1.nc=!+r:Acma/",
     REFUSED_NOT_PERMITTED, 1},
    {"a client's name not permitted", CLIENT, "1.nc=!+d:other", REFUSED_NOT_PERMITTED, 1},
    {"a constraint with a minimum", "1.nc=!+d:example",
     "1.nc=!#3010a00e300c82076578616d706c65800101", REFUSED_EXTENSION, 1},
    {"a constraint on half an address", "1.nc=!+d:example", "1.nc=!#300aa0083006870401020304",
     REFUSED_EXTENSION, 1},
    {"constraints and more", "1.nc=!+d:example", "1.nc=!#3002a200", REFUSED_EXTENSION, 1},
    /* fields */
    {"version 1", "", "0.version=-", REFUSED_VERSION, 0},
    {"version 2", "", "0.version=2", REFUSED_VERSION, 0},
    {"an authority of version 1", "", "1.version=-", REFUSED_VERSION, 1},
    {"version 4", "", "0.version=4", REFUSED_VERSION, 0},
    {"the serial number zero", "", "0.serial=00", REFUSED_SERIAL, 0},
    {"a negative serial number", "", "0.serial=8001", REFUSED_SERIAL, 0},
    {"a serial number of 21 octets", "", "0.serial=010102030405060708090a0b0c0d0e0f1011121314",
     REFUSED_SERIAL, 0},
    {"a padded serial number", "", "0.serial=0001", REFUSED_SERIAL, 0},
    {"no serial number", "", "0.serial=", REFUSED_SERIAL, 0},
    {"an authority's serial number zero", "", "1.serial=00", REFUSED_SERIAL, 1},
    {"expired a second ago", "", "0.to=-1", REFUSED_ENDED, 0},
    {"valid in a second", "", "0.from=1", REFUSED_NOT_YET, 0},
    {"an expired authority", "", "1.to=-1", REFUSED_ENDED, 1},
    {"an authority of tomorrow", "", "1.from=86400", REFUSED_NOT_YET, 1},
    {"the end before the beginning", "", "0.from=3000000", REFUSED_DATES, 0},
    {"a date with a time zone", "", "0.to=#17113430303130313030303030302b30303030", REFUSED_DATES,
     0},
    {"a date without seconds", "", "0.to=#170b343030313031303030305a", REFUSED_DATES, 0},
    {"a date with a fraction", "", "0.to=#181132303430303130313030303030302e305a", REFUSED_DATES,
     0},
    {"the thirty-second of January", "", "0.to=#170d3430303133323030303030305a", REFUSED_DATES, 0},
    {"the same extension twice", "", "0.ext=551d11:300c820a612e6578616d706c6521", REFUSED_TWICE, 0},
    {"an unknown extension twice", "0.ext=2a03:0500", "0.ext=2a03:0500,2a03:0500", REFUSED_TWICE,
     0},
    {"an authority's extension twice", "", "1.ext=551d13:3000", REFUSED_TWICE, 1},
    {"a critical extension that is unknown", "", "0.ext=!2a03:0500", REFUSED_CRITICAL, 0},
    {"a precertificate", "", "0.ext=!2b06010401d679020403:0500", REFUSED_CRITICAL, 0},
    {"an authority's critical policy constraints", "", "1.ext=!551d24:3003800100", REFUSED_CRITICAL,
     1},
    {"a critical policy with an unknown qualifier", "",
     "1.ext=!551d20:30123010060667810c0102013006300406022a03", BR_ERR_X509_CRITICAL_EXTENSION, 0},
    {"names and more", "", "0.san=#" NAMES "0500", REFUSED_EXTENSION, 0},
    {"names cut short", "", "0.san=#3010820f6c6963656e73652e6578616d706c65", REFUSED_EXTENSION, 0},
    {"an extension without a value", EXPLICIT "00" VALUE, "0.ext=#a309300730050603551d11",
     REFUSED_EXTENSION, 0},
    {"a flag of neither true nor false", EXPLICIT "00" VALUE, EXPLICIT "01" VALUE,
     REFUSED_EXTENSION, 0},
    {"something behind the extensions", EXPLICIT "00" VALUE,
     "0.ext=#a323301f301d0603551d110101000413" NAMES "0500", REFUSED_EXTENSION, 0},
    {"something behind all parts", EXPLICIT "00" VALUE, EXPLICIT "00" VALUE "0500",
     REFUSED_EXTENSION, 0},
    {"two lists of extensions", EXPLICIT "00" VALUE,
     EXPLICIT "00" VALUE "a321301f301d0603551d110101000413" NAMES, REFUSED_EXTENSION, 0},
};

/* ---- judging */

/* The verdict on a chain, and which of its certificates is meant. */
static unsigned verdict(const struct chain *c, struct tls_trust *trust, size_t piece, unsigned *at,
                        struct err *err)
{
    bool is_server = chain_is(c->purpose, "server");
    char host[256];
    struct verify v;
    unsigned code;

    if (!slice_copy(c->host, host, sizeof host))
        abort();
    verify_init(&v, &profile, trust, is_server ? VERIFY_SERVER : VERIFY_CLIENT,
                is_server ? host : NULL, CHAIN_NOW);
    code = chain_show(c, &v, piece);
    *at = v.fault_at;
    if (code != 0)
        verify_explain(&v, (int)code, err);
    verify_fini(&v);
    return code;
}

static unsigned judge(const char *description, const char *change, unsigned *at, struct err *err)
{
    struct chain *c = malloc(sizeof *c);
    unsigned code, slow, slow_at;
    struct tls_trust *trust;

    if (!c)
        abort();
    chain_init(c);
    chain_apply(c, description);
    chain_apply(c, change);
    chain_make(c);
    trust = chain_trust(c);
    code = verdict(c, trust, 65536, at, err);
    slow = verdict(c, trust, 1, &slow_at, NULL);
    if (slow != code || slow_at != *at)
        ok(false, "byte by byte it is %u at %u instead of %u at %u", slow, slow_at, code, *at);
    tls_trust_drop(trust);
    chain_fini(c);
    free(c);
    return code;
}

static void test_good(void)
{
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        struct err err = {0};
        unsigned at;

        if (!ok(judge(goods[i].chain, "", &at, &err) == 0, "accepted: %s", goods[i].name))
            printf("# %s\n", err.text);
    }
}

/* Whether the chain is accepted; each is asked for once. */
static bool is_good(const char *chain)
{
    static const char *known[sizeof bads / sizeof bads[0]];
    static size_t count;
    unsigned at;

    for (size_t i = 0; i < count; i++)
        if (strcmp(known[i], chain) == 0)
            return true;
    if (judge(chain, "", &at, NULL) != 0)
        return false;
    known[count++] = chain;
    return true;
}

static void test_bad(void)
{
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        const struct bad *bad = &bads[i];
        struct err err = {0};
        unsigned at, code;

        if (!is_good(bad->chain) || strchr(bad->change, ' '))
            ok(false, "%s: not one change from a good one", bad->name);
        code = judge(bad->chain, bad->change, &at, &err);
        if (!ok(code == bad->code && at == bad->at, "refused: %s: %s", bad->name, err.text))
            printf("# code %u at %u, want %u at %u\n", code, at, bad->code, bad->at);
    }
}

/* ---- what needs more than a description */

static void test_words(void)
{
    static const int theirs[] = {BR_ERR_X509_NOT_TRUSTED, BR_ERR_X509_BAD_SIGNATURE,
                                 BR_ERR_X509_DN_MISMATCH, BR_ERR_X509_EMPTY_CHAIN};
    int codes[64];
    size_t count = 0;

    for (int code = REFUSED_PIN; code < REFUSED_END; code++)
        codes[count++] = code;
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
        codes[count++] = theirs[i];
    for (size_t i = 0; i < count; i++) {
        const char *text = refusal_text(codes[i]);
        uint8_t alert = refusal_alert(codes[i]);
        bool tested = false;

        for (size_t k = 0; k < i; k++)
            if (strcmp(text, refusal_text(codes[k])) == 0)
                ok(false, "codes %d and %d have the same words: %s", codes[i], codes[k], text);
        for (size_t k = 0; k < sizeof bads / sizeof bads[0]; k++)
            tested = tested || (int)bads[k].code == codes[i];
        ok(refusal_is(codes[i]) && alert >= 42 && alert <= 48, "%d %s, alert %u%s", codes[i], text,
           alert, tested ? "" : " (below)");
    }
    ok(!refusal_is(0) && !refusal_is(BR_ERR_X509_OK) && !refusal_is(BR_ERR_BAD_MAC) &&
           !refusal_is(REFUSED_END) && !refusal_is(256 + 42),
       "nothing else is a refusal");
    is_str(refusal_text(BR_ERR_X509_BAD_DN), refusal_text(REFUSED_MALFORMED),
           "what BearSSL has other codes for is malformed");
}

/* No beginning of a certificate, and none with a bit changed, is taken for it. */
static void test_damage(void)
{
    struct chain *c = malloc(sizeof *c);
    unsigned accepted = 0, at;
    struct tls_trust *trust;
    struct err err = {0};

    if (!c)
        abort();
    chain_init(c);
    chain_apply(c, WITHIN "0.eku=!s");
    chain_make(c);
    trust = chain_trust(c);
    is_int(verdict(c, trust, 65536, &at, NULL), 0, "a chain is good before it is damaged");
    for (int i = 0; i < 2; i++) {
        struct buf *der = &c->der[i];
        size_t whole = der->len;

        for (size_t k = 0; k < whole; k++) {
            der->data[der->off + k] ^= (uint8_t)(1 << (k % 8));
            accepted += verdict(c, trust, 65536, &at, NULL) == 0;
            der->data[der->off + k] ^= (uint8_t)(1 << (k % 8));
        }
        for (der->len = 0; der->len < whole; der->len++)
            accepted += verdict(c, trust, 65536, &at, NULL) == 0;
    }
    is_int(accepted, 0, "damaged anywhere it is refused");
    c->der[0].len--;
    is_int(verdict(c, trust, 65536, &at, &err), REFUSED_MALFORMED, "a leaf cut short is malformed");
    is_str(err.text, "the server's certificate is malformed", "and told so");
    c->der[0].len++;
    c->der[1].len--;
    err = (struct err){0};
    is_int(verdict(c, trust, 65536, &at, &err), REFUSED_MALFORMED,
           "an authority's cut short is, too");
    is_str(err.text, "certificate 2 of the server's chain is malformed", "and told which");
    tls_trust_drop(trust);
    chain_fini(c);
    free(c);
}

/* Many elements in one value, to reach a bound. */
static char *many(const char *before, const char *element, size_t count)
{
    size_t size = strlen(before) + count * (strlen(element) + 1) + 1, n;
    char *text = malloc(size);

    if (!text)
        abort();
    n = (size_t)snprintf(text, size, "%s", before);
    for (size_t i = 0; i < count; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i ? "," : "", element);
    return text;
}

static void bounded(const char *what, char *chain, const char *change, unsigned want)
{
    struct err err = {0};
    unsigned at, code = judge(chain, change, &at, &err);

    if (!ok(code == want, "%s: %s", what, err.text))
        printf("# code %u at %u\n", code, at);
    free(chain);
}

static void test_bounds(void)
{
    enum { OTHERS = 400 }; /* of the largest leaf: all but its names */
    char *constraints = many("1.nc=+d:license.example,", "-d:b", 500), *names;

    bounded("a large certificate",
            many("0.san=d:license.example,", "d:a.example", (LIMIT_CERTIFICATE - OTHERS) / 11), "",
            0);
    bounded("too large a certificate",
            many("0.san=d:license.example,", "d:a.example", LIMIT_CERTIFICATE / 11), "",
            REFUSED_LARGE);
    bounded("too large an authority's certificate",
            many("1.san=d:license.example,", "d:a.example", LIMIT_CERTIFICATE / 11), "",
            REFUSED_LARGE);
    bounded("too large a certificate behind the anchor is not looked at",
            many("send=012 2.san=d:license.example,", "d:a.example", LIMIT_CERTIFICATE / 11), "",
            0);
    names = many("0.san=d:license.example,", "d:a.license.example", LIMIT_NAME_CHECKS / 501 - 3);
    bounded("many names with many constraints", names, constraints, 0);
    names = many("0.san=d:license.example,", "d:a.license.example", LIMIT_NAME_CHECKS / 501 + 1);
    bounded("too many names with too many constraints", names, constraints, REFUSED_COMPARISONS);
    free(constraints);
    bounded("as many extensions as are read", strdup("0.ku=- 0.bc=- 0.eku=-"),
            "0.ext=2a01:,2a02:,2a03:,2a04:,2a05:,2a06:,2a07:,2a08:,2a09:,2a0a:,2a0b:,2a0c:,2a0d:,"
            "2a0e:,2a0f:,2a10:,2a11:,2a12:,2a13:,2a14:,2a15:,2a16:,2a17:,2a18:,2a19:,2a1a:,2a1b:,"
            "2a1c:,2a1d:,2a1e:,2a1f:",
            0);
    bounded("more extensions than are read", strdup("0.ku=- 0.bc=-"),
            "0.ext=2a01:,2a02:,2a03:,2a04:,2a05:,2a06:,2a07:,2a08:,2a09:,2a0a:,2a0b:,2a0c:,2a0d:,"
            "2a0e:,2a0f:,2a10:,2a11:,2a12:,2a13:,2a14:,2a15:,2a16:,2a17:,2a18:,2a19:,2a1a:,2a1b:,"
            "2a1c:,2a1d:,2a1e:,2a1f:",
            REFUSED_EXTENSION);
}

/* Pins: beside authorities they are one more condition, alone they are the only one. */
static void test_pins(void)
{
    static const struct {
        const char *what, *chain;
        bool alone, right;
        unsigned want;
    } cases[] = {
        {"authority and pin", "", false, true, 0},
        {"authority, and another pin", "", false, false, REFUSED_PIN},
        {"a pin, but another name", "host=other.example", false, true, REFUSED_NAME},
        {"the pin alone", "", true, true, 0},
        {"another pin alone", "", true, false, REFUSED_PIN},
        {"the pin alone, whatever else",
         "host=other.example 0.san=- 0.alg=es1 0.to=-1 0.serial=00 0.eku=c", true, true, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct chain *c = malloc(sizeof *c);
        br_sha256_context sha;
        struct tls_trust *trust;
        struct x509_parts parts;
        struct verify v;

        if (!c)
            abort();
        chain_init(c);
        chain_apply(c, cases[i].chain);
        chain_make(c);
        trust = chain_trust(c);
        (void)x509_split(buf_slice(&c->der[0]), &parts);
        br_sha256_init(&sha);
        br_sha256_update(&sha, parts.spki.p, parts.spki.n - !cases[i].right);
        br_sha256_out(&sha, trust->pins[0]);
        trust->pin_count = 1;
        trust->pins_suffice = cases[i].alone;
        verify_init(&v, &profile, trust, VERIFY_SERVER, "license.example", CHAIN_NOW);
        is_int(chain_show(c, &v, 65536), cases[i].want, cases[i].what);
        ok(cases[i].want || v.vtable->get_pkey(&v.vtable, NULL) != NULL, "and its key is known");
        verify_fini(&v);
        tls_trust_drop(trust);
        chain_fini(c);
        free(c);
    }
}

/* The facts of one certificate, and that a reader never leaves the bytes it is given. */
static void test_reader(void)
{
    struct page page = page_new(LIMIT_CERTIFICATE);
    struct chain *c = malloc(sizeof *c);
    struct slice der;
    struct x509 x;

    if (!c)
        abort();
    chain_init(c);
    chain_apply(c, "1.bc=!1/3 1.eku=!s,c 1.nc=!+d:example 1.ku=!84 1.from=-5 1.to=7 1.serial=7f");
    chain_make(c);
    der = buf_slice(&c->der[1]);
    is_int(x509_read(page_put(&page, der), &x), 0, "a certificate is read");
    ok(x.is_ca && x.path_length == 3, "an authority with its path length");
    ok(x.usage == 0x84 && x.purposes == (X509_SERVER_AUTH | X509_CLIENT_AUTH), "usages, purposes");
    ok(x.not_before == CHAIN_NOW - 5 && x.not_after == CHAIN_NOW + 7, "validity");
    ok(x.critical_count == 2, "what is critical");
    ok(slice_eq(x.parts.serial, SLICE("\x7f")), "serial number");
    for (size_t i = 0; i < der.n; i++)
        if (x509_read(page_put(&page, slice_make(der.p, i)), &x) != REFUSED_MALFORMED)
            ok(false, "%zu octets are no certificate", i);
    for (size_t i = 0; i < der.n; i++) {
        for (unsigned change = 1; change < 256; change <<= 1) {
            struct slice copy = page_put(&page, der);

            ((char *)(uintptr_t)copy.p)[i] = (char)((unsigned char)der.p[i] ^ change);
            (void)x509_read(copy, &x);
        }
    }
    ok(true, "and is not read past its end, whatever stands in it");
    chain_fini(c);
    free(c);
    page_free(&page);
}

/*
 * The public authorities' own certificates, which hold about all that is usual: as issuers, some
 * would be refused for being old, and none for what isn't understood.
 */
static void test_authorities(void)
{
    glob_t files;
    size_t count = 0;

    if (glob("/usr/share/ca-certificates/mozilla/*.crt", 0, NULL, &files) != 0) {
        ok(false, "the public authorities' certificates are there");
        return;
    }
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct err err = {0};
        struct pem_chain chain;
        struct x509 x;
        unsigned code;

        if (!pem_load_chain(files.gl_pathv[i], &chain, &err)) {
            ok(false, "%s: %s", files.gl_pathv[i], err.text);
            continue;
        }
        code =
            x509_read(slice_make((const char *)chain.certs[0].data, chain.certs[0].data_len), &x);
        if (code != 0 && code != REFUSED_SERIAL)
            ok(false, "%s %s", files.gl_pathv[i], refusal_text((int)code));
        count += code == 0 && x.signature == 0 && x.is_ca && x.usage & X509_CERT_SIGN;
        pem_chain_fini(&chain);
    }
    ok(count >= 50 && count >= files.gl_pathc / 2, "%zu of %zu public authorities' would do", count,
       files.gl_pathc);
    globfree(&files);
}

int main(void)
{
    struct err err = {0};

    if (!tls_profile_init(&profile, &err))
        return 2;
    test_good();
    test_bad();
    test_words();
    test_damage();
    test_bounds();
    test_pins();
    test_reader();
    test_authorities();
    tls_profile_fini(&profile);
    return done_testing();
}
