/* Secrets in memory: what is wiped, cut out or moved leaves nothing behind. */
#include "base/secret.h"

#include "tap.h"

int main(void)
{
    struct secret s = {0}, other = {0};
    char bytes[10];

    memcpy(bytes, "abcdefghij", 10);
    secret_cut(bytes, 10, 2, 3);
    ok(memcmp(bytes, "abfghij\0\0\0", 10) == 0, "what is cut out of the middle, and its trace");
    secret_cut(bytes, 7, 4, 3);
    ok(memcmp(bytes, "abfg\0\0\0\0\0\0", 10) == 0, "the end");
    secret_cut(bytes, 4, 1, 0);
    ok(memcmp(bytes, "abfg", 4) == 0, "nothing");
    secret_cut(bytes, 4, 0, 4);
    ok(memcmp(bytes, "\0\0\0\0", 4) == 0, "all");
    ok(secret_set(&s, "key", 3) && s.size == 3 && strcmp(s.data, "key") == 0,
       "a secret is a string");
    secret_take(&other, &s);
    ok(!secret_is_set(&s) && s.size == 0 && strcmp(other.data, "key") == 0, "which moves");
    ok(secret_set(&other, "longer", 6) && strcmp(other.data, "longer") == 0, "and is replaced");
    secret_fini(&other);
    ok(!secret_is_set(&other), "or ends");
    return done_testing();
}
